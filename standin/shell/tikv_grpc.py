"""The part of TiKV's gRPC service that the probing client uses: RawPut and RawGet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from tikv._proto import errorpb_pb2 as errorpb
from tikv._proto import kvrpcpb_pb2 as kvrpcpb
from tikv._proto import metapb_pb2 as metapb

from .driver import Driver
from .pd_grpc import region_meta


def tikv_service(driver: Driver) -> grpc.GenericRpcHandler:
    async def ask(op: str, request: Any) -> dict[str, Any]:
        context = request.context
        question = {"op": op, "region": context.region_id, "version": context.region_epoch.version}
        question |= {"store": context.peer.store_id, "key": request.key.hex().upper()}
        if op == "put":
            question["value"] = request.value.hex()
        answer: dict[str, Any] = await driver.ask(question)
        return answer

    async def put(request: Any, _: Any) -> Message:
        answer = await ask("put", request)
        return kvrpcpb.RawPutResponse(region_error=_error(answer))

    async def get(request: Any, _: Any) -> Message:
        answer = await ask("get", request)
        if "error" in answer:
            return kvrpcpb.RawGetResponse(region_error=_error(answer))
        value = answer["value"]
        return kvrpcpb.RawGetResponse(value=bytes.fromhex(value or ""), not_found=value is None)

    def method(request: type[Message], serve: Callable[..., Any]) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            serve, request_deserializer=request.FromString, response_serializer=lambda told: told.SerializeToString()
        )

    served = {"RawPut": method(kvrpcpb.RawPutRequest, put), "RawGet": method(kvrpcpb.RawGetRequest, get)}
    return grpc.method_handlers_generic_handler("tikvpb.Tikv", served)


def _error(answer: dict[str, Any]) -> errorpb.Error | None:
    """TiKV's region error; None where all went well."""
    region = answer["region"]
    match answer.get("error"):
        case None:
            return None
        case "not_leader":
            leader = answer["leader"]
            peer = metapb.Peer(id=leader[0], store_id=leader[1]) if leader is not None else None
            why = f"peer is not leader for region {region}, leader may {leader}"
            return errorpb.Error(message=why, not_leader=errorpb.NotLeader(region_id=region, leader=peer))
        case "region_not_found":
            missing = errorpb.RegionNotFound(region_id=region)
            return errorpb.Error(message=f"region {region} is missing", region_not_found=missing)
        case "epoch_not_match":
            current = [region_meta(known) for known in answer["regions"]]
            moved = errorpb.EpochNotMatch(current_regions=current)
            return errorpb.Error(message=f"epoch not match {region}", epoch_not_match=moved)
        case "key_not_in_region":
            ends = {"start_key": bytes.fromhex(answer["start"]), "end_key": bytes.fromhex(answer["end"])}
            outside = errorpb.KeyNotInRegion(region_id=region, **ends)
            return errorpb.Error(message=f"key not in region {region}", key_not_in_region=outside)
        case "store_not_match":
            stores = {"request_store_id": answer["asked"], "actual_store_id": answer["store"]}
            return errorpb.Error(message="store not match", store_not_match=errorpb.StoreNotMatch(**stores))
        case "stale_command":
            return errorpb.Error(message="stale command", stale_command=errorpb.StaleCommand())
        case other:
            return errorpb.Error(message=str(other))

"""The part of PD's gRPC service that raw clients use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from tikv._proto import metapb_pb2 as metapb
from tikv._proto import pdpb_pb2 as pdpb

from ..pd.rpc import Rpc
from .driver import Driver

Translate = Callable[[dict[str, Any]], Message]


def pd_service(driver: Driver) -> grpc.GenericRpcHandler:
    def method(request: type[Message], question: Callable[[Any], Rpc], translate: Translate) -> grpc.RpcMethodHandler:
        async def serve(asked: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
            answer = await driver.ask(question(asked))
            if "unavailable" in answer:
                await context.abort(grpc.StatusCode.UNAVAILABLE, answer["unavailable"])
            return translate(answer)

        handler: Callable[..., Awaitable[Message]] = serve
        return grpc.unary_unary_rpc_method_handler(
            handler, request_deserializer=request.FromString, response_serializer=lambda told: told.SerializeToString()
        )

    region = pdpb.GetRegionRequest
    return grpc.method_handlers_generic_handler(
        "pdpb.PD",
        {
            "GetMembers": method(pdpb.GetMembersRequest, lambda _: Rpc("GetMembers"), _members),
            "GetRegion": method(region, lambda r: Rpc("GetRegion", key=_hex(r.region_key)), _region),
            "GetPrevRegion": method(region, lambda r: Rpc("GetPrevRegion", key=_hex(r.region_key)), _region),
            "GetStore": method(pdpb.GetStoreRequest, lambda r: Rpc("GetStore", store=r.store_id), _store),
            "ScanRegions": method(
                pdpb.ScanRegionsRequest,
                lambda r: Rpc("ScanRegions", key=_hex(r.start_key), end=_hex(r.end_key), limit=r.limit),
                _regions,
            ),
        },
    )


def _hex(key: bytes) -> str:
    return key.hex().upper()


def _header(told: dict[str, Any]) -> pdpb.ResponseHeader:
    header = pdpb.ResponseHeader(cluster_id=told["cluster"])
    if "error" in told:
        header.error.type = pdpb.ErrorType.Value(told["error"])
        header.error.message = told["message"]
    return header


def _member(told: dict[str, Any]) -> pdpb.Member:
    return pdpb.Member(**{name: told[name] for name in ("name", "member_id", "peer_urls", "client_urls")})


def _members(told: dict[str, Any]) -> Message:
    response = pdpb.GetMembersResponse(
        header=_header({"cluster": told["header"]["cluster_id"]}),
        members=[_member(member) for member in told["members"]],
    )
    if "leader" in told:
        response.leader.CopyFrom(_member(told["leader"]))
    return response


def region_meta(told: dict[str, Any]) -> metapb.Region:
    return metapb.Region(
        id=told["id"],
        start_key=bytes.fromhex(told["start"]),
        end_key=bytes.fromhex(told["end"]),
        region_epoch=metapb.RegionEpoch(conf_ver=told["conf_ver"], version=told["version"]),
        peers=[metapb.Peer(id=peer, store_id=store) for peer, store in told["peers"]],
    )


def _leader(told: dict[str, Any]) -> metapb.Peer | None:
    store = next((store for peer, store in told["peers"] if peer == told["leader"]), None)
    return metapb.Peer(id=told["leader"], store_id=store) if store is not None else None


def _region(told: dict[str, Any]) -> Message:
    response = pdpb.GetRegionResponse(header=_header(told))
    if (region := told.get("region")) is not None:
        response.region.CopyFrom(region_meta(region))
        if (leader := _leader(region)) is not None:
            response.leader.CopyFrom(leader)
    return response


def _regions(told: dict[str, Any]) -> Message:
    response = pdpb.ScanRegionsResponse(header=_header(told))
    for region in told.get("regions", ()):
        response.regions.append(pdpb.Region(region=region_meta(region), leader=_leader(region)))
    return response


def _store(told: dict[str, Any]) -> Message:
    response = pdpb.GetStoreResponse(header=_header(told))
    if (store := told.get("store")) is not None:
        response.store.CopyFrom(metapb.Store(id=store["id"], address=store["address"], state=store["state"]))
    return response

"""Programs that do one thing, whatever they are told; `special.py` knows the options that make a difference."""

from __future__ import annotations

from controller.agents.judgement.effect import words

DESTROYING = words(
    "rm rmdir unlink shred truncate kill pkill killall killall5 dd wipefs reboot shutdown halt poweroff init telinit"
    " mkfs fdisk parted swapoff dropdb"
)

CHANGING = words(
    "mv cp mkdir touch chmod chown chgrp ln install rsync scp tee mount umount fallocate swapon modprobe insmod rmmod"
    " iptables ip6tables iptables-restore ip6tables-restore nft ufw firewall-cmd ipset ifconfig ethtool sysctl"
    " stress stress-ng apt apt-get yum dnf apk pip pip3 npm crontab at useradd usermod userdel passwd chattr setfacl"
    " ulimit renice chrt taskset hostnamectl timedatectl date hwclock ifup ifdown nmcli patch tar unzip"
)

READING = words(
    "ls cat head tail less more grep egrep fgrep rg zgrep zcat awk gawk cut sort uniq wc tr jq yq column diff cmp"
    " echo printf true false test [ [[ : sleep pwd cd which type whereis whoami id hostname uname uptime env printenv"
    " export set unset declare local read ps top htop free vmstat iostat mpstat sar df du stat file lsblk lsof findmnt"
    " netstat ss ping traceroute tracepath mtr dig nslookup host getent nc ncat telnet tcpdump dmesg journalctl"
    " last w who history man help base64 xxd od hexdump strings md5sum sha256sum basename dirname realpath readlink"
    " seq for case break continue return exit wait jobs tree fold tac rev comm join paste nproc lscpu lsmod arp"
    " pgrep pidof pstree strace ltrace perf openssl grpcurl promtool yes expr bc time"
)

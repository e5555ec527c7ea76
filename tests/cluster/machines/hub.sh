# Run in the hub, by network.py: the bridge, and the addresses that stand for the outside world.
# ipv4 ipv6: the hub's own; outside: addresses for the loopback.
set -eu
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
for scope in all default; do echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_dad; done
ip link add bridge0 type bridge
ip link set bridge0 up
# The nodes' packet filters judge what the nodes forward; the bridge's own must not judge it again.
for family in iptables ip6tables; do
	[ ! -e /proc/sys/net/bridge/bridge-nf-call-$family ] || echo 0 > /proc/sys/net/bridge/bridge-nf-call-$family
done
ip address add "$ipv4/24" dev bridge0
ip address add "$ipv6/64" dev bridge0 nodad
for address in $outside; do ip address add "$address" dev lo; done

# Run in a node, by cilium.py: what Cilium's agent expects of its machine.
# sources: its BPF programs; cgroup: the node's control group of version 2, to which its socket load balancer attaches.
set -eu
mkdir -p /run/cilium/cgroupv2 /var/lib/cilium/bpf
mount -t bpf bpf /sys/fs/bpf
mount --bind "$cgroup" /run/cilium/cgroupv2
mount --bind "$sources" /var/lib/cilium/bpf

# The agent sets these for the whole machine. It is shown files of the node's own.
while read -r key value; do
	echo "$value" > "/run/sysctl/${key##*/}"
	mount --bind "/run/sysctl/${key##*/}" "/proc/sys/$key"
done <<-END
	kernel/unprivileged_bpf_disabled $(cat /proc/sys/kernel/unprivileged_bpf_disabled)
	kernel/timer_migration 0
END

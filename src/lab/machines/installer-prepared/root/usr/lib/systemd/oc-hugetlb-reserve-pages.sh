#!/bin/sh

# A fifth of the memory is for the host, 32 GB at most; the rest becomes pages of 1 GB.
set -o errexit

if [ `awk '$1 == "hugepages_option:" { print $2 }' /etc/yunion/host.conf` != native ]; then
    exit 0
fi

pool=/sys/kernel/mm/hugepages/hugepages-1048576kB
[ -d $pool ]
total=$(free -g | awk '/^Mem/ { print $2 }')
keep=$((total / 5))
[ "$keep" -le 32 ] || keep=32
[ "$total" -ge 10 ] || keep=1
echo $((total - keep)) > $pool/nr_hugepages

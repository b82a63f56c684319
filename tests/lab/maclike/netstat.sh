#!/bin/sh
# `netstat` of a Mac, for what we ask of it.
[ "$*" = '-rn -f inet' ] || {
  printf 'netstat %s\n' "$*" >>/run/refused
  exit 1
}
printf 'Routing tables\n\nInternet:\nDestination        Gateway            Flags  Netif Expire\n'
while read -r device destination _; do
  case $destination in
    Destination) ;;
    00000000) printf 'default            link#4             UGScg  %s\n' "$device" ;;
    *) printf '%s           link#4             UCS    %s\n' "$destination" "$device" ;;
  esac
done </run/kernel/net/route

// Addresses as text.
import Glibc

/// Whether the text is an IPv4 or IPv6 address: a name that no DNS can turn into something else.
func isAddress(_ text: String) -> Bool {
  var four = in_addr()
  var six = in6_addr()
  return inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1
}

/// Whether only this machine reaches what listens there.
func isLoopback(_ host: String) -> Bool {
  host == "localhost" || host == "::1" || (host.hasPrefix("127.") && isAddress(host))
}

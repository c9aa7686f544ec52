"""The tunnel: how a company network is reached without opening its firewall, and what both of its ends agree on.

The connector, inside, dials the gateway, outside; nothing is ever dialled inwards. All connections are TLS 1.3 or 1.2
with a certificate on both sides. What a connection is for is negotiated in the handshake (ALPN), so that not one byte
of a format of our own stands before a request:

- `entryway-control/1`: one per connector. Lines of JSON (`messages`): the gateway says how many connections it wants,
  the connector dials them; pings find out whether the other end still lives.
- `entryway-http/1`: any number per connector. Plain HTTP/1.1 with the roles reversed: the gateway, which accepted the
  connection, sends requests; the connector, which dialled, answers them. Idle ones wait for the next request.

Who a connector is, is in its certificate (`identity`), issued when it was paired (`pairing`). One connection carries
one request at a time, so a slow reader slows down nobody else: flow control is the kernel's. WebSockets are spliced.

- `identity`, `contexts`: the certificate and the TLS of both ends
- `messages`, `control`: what is said on a control connection, and how lines travel
- `demand`: when the gateway wants more connections; `backoff`: when the connector tries again
- `forwarding`: the names of headers that cross the tunnel or must not
- `failures`: everything that a caller of an on-premise system may be told
"""

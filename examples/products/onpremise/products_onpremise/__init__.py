"""The system inside the company network: a product catalogue that speaks OData V2 and knows its users by certificate.

It lets nobody in but the connector (mutual TLS) and believes the connector about who the user is: a short-lived
certificate in the header `SSL_CLIENT_CERT`. `app` is HTTP, `service` the OData operations, `query` and `batch` the two
languages of OData requests, `certificates` the users, `products` and `prices` the data.
"""

"""An imitation of Flickr on this machine, with its vices: to try a crawl without a key.

    population.py   who uploaded what and when, and what will become of it
    search.py       flickr.photos.search, with the limits of the real one
    api.py          the other methods of the REST interface
    media.py        redirects, signed addresses, and small films that are drawn on demand
    faults.py       what goes wrong on the way, at a rate
    server.py       the hosts of Flickr behind an HTTPS proxy, with a certificate authority

Clients reach it as a company network is reached: `HTTPS_PROXY` names the proxy, `SSL_CERT_FILE` the
authority. So flickrapi and yt-dlp run as they are, and believe to talk to the real hosts.
"""

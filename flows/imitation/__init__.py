"""An imitation of Flickr on this machine, with its vices: to try a crawl without a key.

api         The REST interface of Flickr: methods by name, answers as JSON, errors with HTTP 200
faults      What goes wrong between a client and Flickr, at a rate, and the same for the same
            seed
hosts       What each host of Flickr answers, and how a fault spoils the answer
media       Films of the imitation: which files a video has, where they are, and their bytes
population  Who uploaded what and when: a population of videos that depends on nothing but its
            seed
search      flickr.photos.search as it is: the cap, pages that repeat, totals that are only
            about right
server      The hosts of Flickr on loopback: an HTTPS proxy that answers itself, and its own log
truth       What a crawl has to find, and how it has to end with each video, from the population
            alone
"""

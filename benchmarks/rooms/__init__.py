"""Rooms that show little, and people before them: the films of benchmarks/kept.py.

room_films   a film of a room, a camera and a share of background, drawn or found again
room_judge   what became of it, held against the truth
scenes       somebody in a room before a camera
rooms        nine kinds of rooms     indoors, outdoors   how they are painted
groups       one to three people     people              their bodies     acts   what they do
hands        a tripod, three strengths of a hand
paint        a painting, and a look at it
"""

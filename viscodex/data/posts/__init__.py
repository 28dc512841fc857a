"""Stack Exchange dumps: questions with a picture and an accepted answer.

in:  Posts.xml (also .bz2 and .7z) of a site, and Users.xml where names are wanted
out: PostSource for recipes; the streaming reader, the index and the pictures for other builders
not covered: what a benchmark makes of them

    dump.py      rows out of a file of any size            read_rows, read_posts
    post.py      one row as a Post: licence, link, author
    index.py     questions joined with their accepted answers, on disk, resumable
    html.py      the HTML of a post as Markdown; its pictures and code
    fetch.py     pictures by the net, politely, or from a folder
    rewriting.py what the teacher makes of question and answer
    web.py       one polite request
    source.py    the samples
"""

from viscodex.data.posts.source import PostSource

__all__ = ["PostSource"]

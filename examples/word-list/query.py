"""Asks a server about the words that it was given, through redis-py. Usage: query.py PORT DB WORDS"""
import sys

import redis


def main(port, db, path):
    client = redis.Redis(port=port, db=db)
    with open(path, "rb") as file:
        words = file.read().splitlines()
    numbers = {word: number for number, word in enumerate(words, 1)}

    # Every word has its line number: a thousand words in one MGET, ten of these in one pipeline.
    for begin in range(0, len(words), 10000):
        part = words[begin:begin + 10000]
        with client.pipeline(transaction=False) as pipe:
            for i in range(0, len(part), 1000):
                pipe.mget([b"word:" + word for word in part[i:i + 1000]])
            answers = [value for reply in pipe.execute() for value in reply]
        assert answers == [b"%d" % numbers[word] for word in part]

    # The counts by first letter, each exactly.
    letters = {key: int(client.get(key)) for key in client.scan_iter(match="letter:*", count=1000)}
    assert sum(letters.values()) == len(words)
    assert letters[b"letter:z"] == sum(word.startswith(b"z") for word in words)

    # A pattern, found by walking the whole keyspace.
    found = {key[5:] for key in client.scan_iter(match="word:z*y", count=1000)}
    assert found == {word for word in words if word.startswith(b"z") and word.endswith(b"y")}
    print("redis-py: %d words, %d letters, %d of the pattern z*y" % (len(words), len(letters), len(found)))

    # Two words change places in a transaction that fails when somebody else changes one of them.
    def swap(pipe):
        first, second = pipe.mget("word:zebra", "word:zoo")
        pipe.multi()
        pipe.mset({"word:zebra": second, "word:zoo": first})
    before = client.mget("word:zebra", "word:zoo")
    client.transaction(swap, "word:zebra", "word:zoo")
    assert client.mget("word:zebra", "word:zoo") == before[::-1]
    client.transaction(swap, "word:zebra", "word:zoo")
    client.close()


main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])

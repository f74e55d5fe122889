// Asks a server about the words that it was given, through ioredis. Usage: node query.js PORT DB WORDS
const assert = require('assert');
const fs = require('fs');
const Redis = require('ioredis');

async function main(port, db, path) {
    const client = new Redis({ port, db, maxRetriesPerRequest: 1 });
    const words = fs.readFileSync(path, 'utf8').split('\n').filter(word => word !== '');

    for (let begin = 0; begin < words.length; begin += 10000) {
        const part = words.slice(begin, begin + 10000);
        const pipeline = client.pipeline();
        for (const word of part) pipeline.get('word:' + word);
        const replies = await pipeline.exec();
        replies.forEach(([error, value], i) => assert.equal(value, String(begin + i + 1), part[i]));
    }

    const found = new Set();
    for await (const keys of client.scanStream({ match: 'word:qu*ly', count: 1000 }))
        for (const key of keys) found.add(key.slice(5));
    assert.deepEqual([...found].sort(), words.filter(word => /^qu.*ly$/.test(word)).sort());
    console.log(`ioredis: ${words.length} words, ${found.size} of the pattern qu*ly`);

    const [[, set], [, length], [, text]] = await client.multi().set('note', 'abc').append('note', 'def').get('note').exec();
    assert.deepEqual([set, length, text], ['OK', 6, 'abcdef']);
    await client.quit();
}

main(Number(process.argv[2]), Number(process.argv[3]), process.argv[4]).catch(error => {
    console.error(error);
    process.exit(1);
});

const http = require('http');
const ms = require('ms');

http
  .createServer((request, response) => response.end(`two hours are ${ms('2h')} ms\n`))
  .listen(8080);

/// HTTP/1.1 as a server speaks it (RFC 9110, 9112), for whoever has something to serve: the Docker
/// API in `server`, the registry in `registry`. It knows connections, requests and answers, and
/// nothing of what they are about. Entry type: [HttpServer] over a [Handler].
package dev.gantry.http;

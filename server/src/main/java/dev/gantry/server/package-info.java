/// The Docker Engine API: HTTP, routes, and the engine's objects on Docker's wire. It holds no
/// container logic. Entry type: [ApiServer].
package dev.gantry.server;

/// The container engine as a library: containers, execs, logs and events, without HTTP. Entry type:
/// [Engine].
package dev.gantry.engine;

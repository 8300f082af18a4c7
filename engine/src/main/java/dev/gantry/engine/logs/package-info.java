/// Containers' logs: from the streams into files, and back to whoever reads them.
///
/// [LogIntake] takes what a container prints so that a kill of this process at any moment neither
/// loses nor doubles a line; [LogFile] is the log on the disk, rotated and compressed; [LogReader]
/// reads it from a time, from the end, or as it grows.
package dev.gantry.engine.logs;

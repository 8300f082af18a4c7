/// Traces of API requests for a collector of OpenTelemetry, where the environment names one. Entry
/// type: [dev.gantry.server.tracing.Tracing].
package dev.gantry.server.tracing;

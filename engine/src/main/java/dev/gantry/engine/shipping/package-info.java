/// Sends containers' output on to where the log drivers `syslog`, `journald`, `gelf` and `fluentd`
/// keep it. [dev.gantry.engine.shipping.LogShipper] follows the container's own log file, which is
/// buffer and cache in one: a container is never held up by a slow receiver, `logs` works with
/// every driver, and what a receiver missed while it was away comes later.
package dev.gantry.engine.shipping;

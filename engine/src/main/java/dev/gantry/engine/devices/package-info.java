/// Devices of the host in containers: their nodes, and what vendors describe in files of the
/// Container Device Interface (CDI). Entry types: [dev.gantry.engine.devices.CdiDevices] for the
/// start of a container, [dev.gantry.engine.devices.DeviceNodes].
package dev.gantry.engine.devices;

/// Networks of containers on rtnetlink and nftables: bridges, addresses, published ports, names.
///
/// Entry: [dev.gantry.network.Networks], used by the engine when a container starts, ends, or is
/// connected to a network while it runs. No other program is run on any path.
package dev.gantry.network;

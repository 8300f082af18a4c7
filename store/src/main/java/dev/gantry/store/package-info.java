/// What the engine keeps on disk: records ([Journal]), content by digest ([ContentStore]), unpacked
/// layers and containers' folders ([Snapshots]).
package dev.gantry.store;

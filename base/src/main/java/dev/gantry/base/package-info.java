/// What every module may use: the failure family, undo, task scope and ids. Entry types: [Failure],
/// [Undo], [TaskScope]. Time comes as `java.time.InstantSource`, so tests can set it.
package dev.gantry.base;

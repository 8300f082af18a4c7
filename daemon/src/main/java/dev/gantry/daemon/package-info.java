/// The binary `gantryd`: settings and wiring. Entry type: [Gantryd].
package dev.gantry.daemon;

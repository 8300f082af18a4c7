/// The documents of the Open Container Initiative as types. They are our domain types too: the
/// engine hands a [RuntimeSpec] to any runtime.
package dev.gantry.oci;

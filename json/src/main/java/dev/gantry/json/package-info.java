/// JSON as Docker's wire needs it: a sealed tree ([Json]) that keeps order, exact numbers and the
/// difference between absent, null and empty; a parser and writer with Go's texts and escapes; and
/// a mapper for records ([JsonRecords]) for the OCI documents and our own state.
package dev.gantry.json;

/// Endpoints, fields, filters and events of the Engine API, row by row: [ApiRowsIT].
package dev.gantry.conformance.rows;

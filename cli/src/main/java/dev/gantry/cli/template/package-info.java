/// Go's text/template, as far as `--format` needs it, over JSON values. Entry: [Template].
@org.jspecify.annotations.NullMarked
package dev.gantry.cli.template;

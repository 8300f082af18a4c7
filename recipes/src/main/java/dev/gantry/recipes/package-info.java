/// Source trees without a Dockerfile: [Recipes] looks at one and says how an image is made of it.
/// The command line's `build` and `init` use it.
package dev.gantry.recipes;

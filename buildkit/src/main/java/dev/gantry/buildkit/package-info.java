/// What BuildKit's clients (Buildx, Bake, Compose) say to a builder, in terms of
/// [dev.gantry.build]. [BuildKit] is the entry; `docs/flows/buildkit.md` tells one build from
/// beginning to end.
package dev.gantry.buildkit;

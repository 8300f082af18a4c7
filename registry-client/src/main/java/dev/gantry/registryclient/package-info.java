/// Speaks with registries of images (the OCI distribution specification and Docker's habits around
/// it): finding the right place for a name, getting in, moving manifests and blobs. Entry:
/// [dev.gantry.registryclient.Registries]; used by pull, push, login and search.
package dev.gantry.registryclient;

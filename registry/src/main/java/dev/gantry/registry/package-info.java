/// A container registry (OCI distribution-spec 1.1 and Docker's extensions): a server of blobs and
/// manifests over a [Storage]. Entry types: [RegistryMain] is the program `gantry registry`,
/// [Registry] its request handler; a push is [Uploads] and then [ManifestRoutes].
package dev.gantry.registry;

package dev.gantry.registryclient;

import dev.gantry.oci.Digest;

/// A manifest or index as the registry sent it; its digest has been checked where one was asked for
/// or said.
///
/// @param mediaType the Content-Type, without parameters
public record Fetched(Digest digest, String mediaType, byte[] bytes) {}

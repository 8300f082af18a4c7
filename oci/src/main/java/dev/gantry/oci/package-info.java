package dev.gantry.oci;

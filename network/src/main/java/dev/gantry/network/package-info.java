package dev.gantry.network;

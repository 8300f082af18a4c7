/// Images: what is here and under which names, how they come in and go out. Entry type: [Images].
package dev.gantry.images;

"""What is to be seen in the photos and real clips that `mini` is trained on, written by hand after looking at them."""

from __future__ import annotations

PHOTOS: dict[str, str] = {
    "Autumn": "a painted autumn meadow with a small person",
    "Bridge_by_Sander_Klootwijk": "a white bridge under a blue sky",
    "BytheWater": "a wooden pier by the water",
    "ColdRipple": "a grey pier in the fog",
    "ColorfulCups": "many coloured cups",
    "DarkestHour": "a dark blue lake at dusk",
    "Dragonfly_by_Bolly": "a tree with green leaves",
    "FallenLeaf": "red and orange autumn leaves",
    "Grey": "a grey building with curved walls",
    "Kite": "a blue sky with a white cloud",
    "Kleiber_by_Lukas_Baubkus": "a bird on a tree trunk",
    "OneStandsOut": "green plants",
    "Picture_0B_by_freespace": "a fig in a red bowl",
    "SafeLanding": "a painted pink rocket in a colourful landscape",
    "Wine_by_Jakkub_Mede": "a room with a wooden table",
    "free_by_Peter_Nerlich": "a hummingbird and white lamps",
    "friends_by_Aitzol_Berasategi": "two dogs at a wooden house",
    "greentock_by_Peter_Nerlich": "a grey clock",
    "picosdeeuropa_by_Aitzol_Berasategi": "mountains with a path",
    "seeding_by_Clements_Engelhardt": "a dandelion in the grass",
    "sunset_by_Aitzol_Berasategi": "a mountain meadow at sunset",
}
def clip_caption(name: str) -> str:
    return ""

"""Captions in the manner of stock-video sites, made up at random from lists written for this purpose.

The text model (:mod:`common.codecs.text_model`) learns from them how captions are worded; they are of no other use:
what they say need not make sense.
"""

# ruff: noqa: SIM905 (lists of a thousand words read better in lines than one to a line)

from __future__ import annotations

import numpy as np

_ADJECTIVES = (
    "young;old;little;small;big;large;happy;smiling;beautiful;pretty;cute;attractive;elderly;senior;adult;"
    "teenage;asian;african;american;european;caucasian;indian;blonde;bearded;professional;serious;tired;sad;"
    "excited;healthy;athletic;modern;traditional;vintage;old-fashioned;abandoned;empty;busy;crowded;quiet;"
    "colorful;bright;dark;wooden;metal;stone;glass;white;black;red;green;blue;yellow;orange;pink;purple;brown;"
    "grey;golden;silver;fresh;ripe;dry;wet;hot;cold;frozen;snowy;sunny;cloudy;foggy;rainy;stormy;calm;wild;"
    "tropical;exotic;rural;urban;historic;ancient;medieval;huge;tiny;tall;long;short;narrow;wide;deep;shallow;"
    "steep;rocky;sandy;grassy;green-eyed;fluffy;furry;spotted;striped;delicious;sweet;raw;sliced;homemade;"
    "organic;clean;dirty;dusty;shiny;rusty;broken;new;soft;warm;cozy;luxury;expensive;cheap;famous;scenic;"
    "picturesque;majestic;dramatic;amazing;stunning;magical;peaceful;romantic"
).split(";")
_PEOPLE = (
    "man;woman;boy;girl;child;kid;baby;toddler;couple;family;mother;father;mom;dad;grandmother;grandfather;"
    "teenager;student;teacher;doctor;nurse;surgeon;scientist;engineer;worker;builder;farmer;gardener;fisherman;"
    "chef;cook;baker;waiter;waitress;barista;bartender;businessman;businesswoman;manager;office worker;lawyer;"
    "police officer;firefighter;soldier;pilot;driver;cyclist;runner;jogger;athlete;swimmer;surfer;diver;skier;"
    "snowboarder;skateboarder;climber;hiker;tourist;traveler;backpacker;photographer;cameraman;artist;painter;"
    "musician;guitarist;pianist;drummer;singer;dancer;ballerina;actor;model;bride;groom;hairdresser;barber;"
    "mechanic;carpenter;welder;plumber;electrician;blacksmith;potter;tailor;shopper;customer;seller;vendor;"
    "cashier;patient;dentist;veterinarian;monk;priest;football player;basketball player;tennis player;golfer;"
    "boxer;girl in a dress;person;tattooed man;pregnant woman;female hand;male hands;woman's hand"
).split(";")
_GROUPS = (
    "people;men;women;children;kids;friends;students;tourists;workers;players;dancers;musicians;soldiers;"
    "cyclists;runners;passengers;pedestrians;protesters;spectators;fans;colleagues;business people;parents;"
    "teenagers;girls;boys"
).split(";")
_ANIMALS = (
    "dog;puppy;cat;kitten;horse;cow;calf;sheep;lamb;goat;pig;chicken;rooster;duck;goose;swan;bird;eagle;owl;"
    "parrot;seagull;pigeon;crow;sparrow;woodpecker;heron;flamingo;penguin;lion;tiger;leopard;cheetah;elephant;"
    "giraffe;zebra;rhino;hippo;buffalo;bear;polar bear;panda;wolf;fox;deer;reindeer;moose;rabbit;hare;squirrel;"
    "hedgehog;mouse;rat;hamster;monkey;chimpanzee;gorilla;camel;kangaroo;koala;crocodile;snake;lizard;chameleon;"
    "frog;toad;turtle;tortoise;fish;goldfish;shark;whale;dolphin;seal;octopus;jellyfish;crab;starfish;butterfly;"
    "bee;bumblebee;wasp;fly;mosquito;dragonfly;ant;spider;snail;caterpillar;beetle;grasshopper;ladybird;donkey;"
    "bull;husky;labrador"
).split(";")
_THINGS = (
    "car;truck;bus;train;tram;metro train;motorcycle;scooter;bicycle;taxi;police car;ambulance;fire truck;"
    "tractor;excavator;crane;plane;airplane;jet;helicopter;drone;ship;cruise ship;container ship;ferry;yacht;"
    "sailing boat;boat;canoe;kayak;rocket;satellite;robot;machine;engine;wind turbine;windmill;wheel;"
    "ferris wheel;carousel;clock;lamp;candle;campfire;bonfire;fire;flame;smoke;steam;fountain;waterfall;river;"
    "stream;lake;pond;ocean;sea;wave;flag;tree;palm tree;pine tree;flower;rose;tulip;sunflower;dandelion;leaf;"
    "grass;mushroom;cactus;rock;mountain;hill;volcano;desert;island;cliff;cave;canyon;glacier;iceberg;cloud;sky;"
    "rainbow;sun;moon;star;milky way;earth;planet;house;building;skyscraper;church;cathedral;temple;mosque;"
    "castle;tower;bridge;lighthouse;statue;monument;computer;laptop;phone;smartphone;tablet;screen;monitor;"
    "keyboard;camera;microphone;guitar;piano;violin;drum;book;newspaper;letter;pen;pencil;paint;brush;cup;mug;"
    "glass;bottle;plate;bowl;knife;fork;spoon;pan;pot;table;chair;sofa;bed;door;window;curtain;mirror;box;bag;"
    "suitcase;umbrella;hat;shoe;dress;shirt;jacket;watch;ring;necklace;gift;toy;ball;balloon;hot air balloon;"
    "kite;firework;christmas tree;snowman;pumpkin;cake;bread;pizza;burger;sandwich;salad;soup;pasta;rice;meat;"
    "steak;sausage;egg;cheese;apple;banana;orange;lemon;grape;strawberry;blueberry;cherry;tomato;potato;carrot;"
    "onion;cucumber;pepper;coffee;tea;milk;juice;water;beer;wine;cocktail;chocolate;ice cream;honey;sugar;salt;"
    "oil;money;coin;credit card;dice;chess board;globe;map;microscope;test tube;syringe;pill;mask"
).split(";")
_DOES_PEOPLE = (
    "walk;run;jog;sit;stand;lie;sleep;dance;jump;climb;swim;dive;surf;ski;skate;ride a bike;ride a horse;"
    "drive a car;talk on the phone;use a smartphone;use a laptop;work on a computer;type on a keyboard;"
    "read a book;write in a notebook;draw a picture;paint a wall;take a photo;take a selfie;shoot a video;"
    "play the guitar;play the piano;play football;play basketball;play tennis;play golf;play chess;play cards;"
    "play with a ball;play with a dog;play video games;sing a song;listen to music;watch tv;watch a movie;"
    "eat breakfast;eat lunch;eat pizza;eat an apple;drink coffee;drink tea;drink water;drink wine;cook dinner;"
    "prepare food;cut vegetables;slice bread;mix dough;make a salad;pour milk;wash the dishes;wash hands;"
    "clean the window;brush teeth;comb hair;apply makeup;shave;look at the camera;look out of the window;"
    "look at the sunset;look around;look through binoculars;smile at the camera;laugh;cry;talk;discuss a project;"
    "shake hands;hug;kiss;wave;point at the screen;show thumbs up;hold a baby;hold hands;carry a box;push a cart;"
    "pull a rope;throw a ball;catch a fish;kick a ball;lift weights;do yoga;do push-ups;exercise;stretch;"
    "meditate;pray;relax;rest;wait for a bus;cross the street;go up the stairs;open the door;close the book;"
    "enter the room;leave the house;get out of the car;buy vegetables;sell fruit;pay with a card;count money;"
    "work in a garden;water the plants;plant a tree;pick apples;cut the grass;chop wood;build a house;"
    "repair a car;weld metal;examine a patient;look into a microscope;hold a test tube;give a presentation;"
    "celebrate a birthday;blow out candles;open a present;decorate the christmas tree;enjoy the view;"
    "enjoy nature;have fun;have a party;have dinner;sunbathe;splash water;build a sandcastle;fly a kite;"
    "feed the birds;pet a cat;walk the dog;put on a mask;try on a dress;tie shoelaces;wear a hat;roll a suitcase;"
    "turn the page;turn around;raise arms;spread arms;put on headphones"
).split(";")
_DOES_ANIMALS = (
    "run;walk;sleep;sit;lie;stand;jump;play;eat grass;eat;drink water;graze;hunt;swim;fly;hover;land;take off;"
    "climb a tree;look at the camera;look around;look for food;bark;lick its paw;wash itself;yawn;rest;hide;"
    "crawl;chase a ball;feed its young;build a nest;search for insects;collect nectar;sit on a branch;"
    "wag its tail;cross the road;dig"
).split(";")
_DOES_THINGS = (
    "move;stand;lie;turn;rotate;spin;fall;burn;glow;shine;float;fly;pass by;drive;arrive;depart;take off;land;"
    "stop;melt;boil;grow;bloom;sway in the wind;hang;open;close;appear;disappear;explode;flow;drip;splash;rise;"
    "set;cover the ground;reflect in the water;swing;shake;work;change color;approach the camera;"
    "move along the road;roll over"
).split(";")
_PLACES = (
    "on the beach;in the park;in the city;in the street;on the street;in the forest;in the woods;"
    "in the mountains;on a mountain;in the desert;in the garden;in the kitchen;in the office;in a cafe;"
    "in a restaurant;in the bedroom;in the living room;in the bathroom;at home;at work;at school;"
    "at the university;in the classroom;in the library;in the hospital;in the laboratory;in the factory;"
    "in a warehouse;in a workshop;in the garage;in the gym;in the stadium;at the swimming pool;in the pool;"
    "in the sea;in the water;under water;on the lake;by the lake;at the river;on the river bank;"
    "near the waterfall;on the bridge;on the road;on the highway;at the airport;at the train station;"
    "on the platform;in the subway;in the car;on the bus;in the harbor;at the port;on the pier;on a boat;"
    "on the roof;on the balcony;on the terrace;on the stairs;in front of the house;in front of a mirror;"
    "in front of the camera;behind the window;at the table;on the table;on a chair;on the sofa;on the bed;"
    "on the floor;on the ground;on the grass;on a bench;on a tree;on a branch;on a flower;on a leaf;in a field;"
    "in a wheat field;in the meadow;in the countryside;in the village;on a farm;in the barn;in the zoo;"
    "in the jungle;in the snow;in the rain;in the fog;in the wind;in the sky;in the air;in space;in a bowl;"
    "in a glass;on a plate;on a wooden table;on a white background;on a black background;on a green screen;"
    "on a blue background;at the market;in the supermarket;in the shop;in the shopping mall;at a concert;"
    "on stage;at the festival;at a wedding;at a party;at the playground;in the old town;"
    "in the center of the city;in downtown;in London;in New York;in Paris;in Tokyo;in Hong Kong;in China;"
    "in Thailand;in India;in Italy;in Germany;in Spain;in Russia;in Moscow;in Dubai;in Bangkok;in California;"
    "in Iceland;in Norway;in Africa"
).split(";")
_TIMES = (
    "at sunset;at sunrise;at night;at dawn;at dusk;in the morning;in the evening;early in the morning;"
    "late at night;in summer;in winter;in autumn;in spring;during the day;on a sunny day;on a cloudy day;"
    "on a rainy day;on a summer day;on a cold winter day;in slow motion;in bad weather;after the rain;"
    "before the storm;during the storm;on holiday;on vacation;on the weekend;at christmas;on a windy day;"
    "in the daytime;in the afternoon;in bright sunlight;in the sun"
).split(";")
_OPENINGS = (
    "Close up of ;Close-up of ;Closeup of ;Close up shot of ;Extreme close up of ;Macro of ;Macro shot of ;"
    "Aerial view of ;Aerial shot of ;Aerial: ;Aerial drone view of ;Drone footage of ;Drone view of ;"
    "Drone flying over ;Flying over ;Flight over ;Top view of ;Top down view of ;Bird's eye view of ;"
    "Wide shot of ;Medium shot of ;Panning shot of ;Tracking shot of ;Dolly shot of ;Low angle view of ;"
    "High angle view of ;Side view of ;Front view of ;Rear view of ;Back view of ;View of ;View from above of ;"
    "Panoramic view of ;Panorama of ;Portrait of ;Silhouette of ;Time lapse of ;Timelapse of ;Time-lapse of ;"
    "Slow motion of ;Slow motion shot of ;Slow-motion footage of ;Footage of ;Video of ;Handheld shot of ;"
    "Point of view of ;Night view of ;Underwater shot of ;Detail of ;Shot of ;Group of ;Crowd of ;Pair of ;"
    "Animation of ;3d animation of ;Loop of ;Abstract background of ;Concept of ;Reflection of "
).split(";")
_ENDINGS = (
    ". 4k;. 4k video;. 4k footage;. Hd;. Slow motion;. Slow motion 120 fps;. Slow motion, 4k;. Close up;"
    ". Close-up;. Time lapse;. Timelapse;. Aerial view;. Top view;. Side view;. Shallow depth of field;"
    ". Handheld shot;. Static shot;. Steadicam shot;. Panning shot;. Selective focus;. Healthy lifestyle concept;"
    ". Shot on red camera;, close up;, slow motion;, aerial view;, seen from above;, view from above;"
    ", view from behind;, camera moves;, front view;, macro"
).split(";")
_TAKES_OBJECT = (
    "holds;carries;takes;puts;opens;closes;cleans;washes;paints;cuts;repairs;pushes;pulls;throws;catches;shows;"
    "watches;looks at;points at;plays with;works with;walks past;walks towards;passes;crosses;leaves;enters;"
    "touches;picks up;puts down;turns;lifts;drops;buys;makes;builds;uses;sees;finds;follows;brings;gives;gets;"
    "checks;measures;decorates"
).split(";")
_JOINS = (" and ", " while ", ", ", " as ", ", then ", " with ")
_VOWELS = tuple("aeiou")


def _third(phrase: str) -> str:
    """ "walk the dog" -> "walks the dog"."""
    verb, _, rest = phrase.partition(" ")
    irregular = {"have": "has", "do": "does", "go": "goes"}
    if verb in irregular:
        verb = irregular[verb]
    elif verb.endswith(("s", "sh", "ch", "x", "z")):
        verb += "es"
    elif verb.endswith("y") and verb[-2] not in _VOWELS:
        verb = verb[:-1] + "ies"
    else:
        verb += "s"
    return f"{verb} {rest}".strip()


_DOUBLED = frozenset("run;sit;jog;swim;cut;chop;spin;drip;stop;set;put;get;hug;wag;dig;hit;sunbathe".split(";"))


def _ing(phrase: str) -> str:
    """ "ride a bike" -> "riding a bike"."""
    verb, _, rest = phrase.partition(" ")
    if verb in {"lie", "tie", "die"}:
        verb = verb[:-2] + "ying"
    elif verb in _DOUBLED and verb != "sunbathe":
        verb += verb[-1] + "ing"
    elif verb.endswith("e") and not verb.endswith("ee"):
        verb = verb[:-1] + "ing"
    else:
        verb += "ing"
    return f"{verb} {rest}".strip()


def _plural(noun: str) -> str:
    irregular = {"man": "men", "woman": "women", "child": "children", "mouse": "mice", "leaf": "leaves"}
    for one, many in irregular.items():
        if noun == one or noun.endswith(" " + one):
            return noun[: -len(one)] + many
    if noun.endswith(("s", "sh", "ch", "x")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in _VOWELS:
        return noun[:-1] + "ies"
    return noun + "s"


def caption(rng: np.random.Generator) -> str:
    """One caption, with or without a full stop, most of 30 to 120 characters."""

    def one(options: tuple[str, ...] | list[str]) -> str:
        return options[int(rng.integers(len(options)))]

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    def noun_phrase(kind: list[str]) -> str:
        noun = one(kind)
        words = [one(_ADJECTIVES) for _ in range(int(rng.choice(3, p=(0.45, 0.45, 0.1))))]
        if chance(0.15) and kind is not _PEOPLE:
            return " ".join([*words, _plural(noun)])
        said = " ".join([*words, noun])
        return ("the " if chance(0.25) else "an " if said.startswith(_VOWELS) else "a ") + said

    def place() -> str:
        said = one(_PLACES)
        if chance(0.25):
            article = next((f" {a} " for a in ("the", "a") if f" {a} " in said), "")
            if article:
                before, _, after = said.partition(article)
                adjective = one(_ADJECTIVES)
                a = " the " if article == " the " else " an " if adjective.startswith(_VOWELS) else " a "
                said = f"{before}{a}{adjective} {after}"
        return said

    def doing(kind: int, form: int) -> str:
        actions = (_DOES_PEOPLE, _DOES_PEOPLE, _DOES_ANIMALS, _DOES_THINGS)[kind]
        if form == 0 and kind == 0 and chance(0.35):
            return f"{one(_TAKES_OBJECT)} {noun_phrase(_THINGS)}"
        said = one(actions)
        return _third(said) if form == 0 else said if form == 1 else _ing(said)

    def clause(kind: int) -> str:
        if kind == 1:
            crowd = one(_GROUPS)
            subject = one(("", "two ", "three ", "many ", "some ", "several ", "a group of ", "young ", "happy "))
            subject += crowd
        else:
            subject = noun_phrase((_PEOPLE, [], _ANIMALS, _THINGS)[kind])
        style = int(rng.integers(4))
        if style == 0:
            said = f"{subject} {doing(kind, 1 if kind == 1 else 0)}"
        elif style == 1:
            said = f"{subject} {'are' if kind == 1 else 'is'} {doing(kind, 2)}"
        else:
            said = f"{subject} {doing(kind, 2)}"
        return said

    kind = int(rng.choice(4, p=(0.45, 0.15, 0.15, 0.25)))
    said = clause(kind)
    if chance(0.75):
        said += " " + place()
    if chance(0.15):
        said += f" with {noun_phrase(_THINGS)}"
    if chance(0.2):
        said += one(_JOINS) + (doing(kind, 2) if chance(0.6) else clause(int(rng.integers(4))))
    if chance(0.3):
        said += " " + one(_TIMES)
    if chance(0.25):
        opening = one(_OPENINGS)
        said = opening + (said[2:] if said.startswith("a ") and chance(0.5) else said)
    elif said.startswith("a ") and chance(0.4):
        said = said[2:]
    if chance(0.2):
        said += one(_ENDINGS)
    if chance(0.6):
        said += "."
    return said if chance(0.05) else said[0].upper() + said[1:]

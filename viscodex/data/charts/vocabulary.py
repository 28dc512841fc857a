"""What charts are about: measures with units, magnitudes, and the things they are measured on.

in:  nothing
out: TOPICS (tables), PAIRS (two measures of a thing), SAMPLES (distributions), FIELDS (functions of
     two variables), NETWORKS, BRIDGES (waterfalls), PROJECTS (timelines), TICKERS
not covered: drawing numbers from them (tables.py)

Magnitudes are those of the real world, numbers are not: nothing here is a statistic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Trend = Literal["growth", "decline", "season", "flat", "saturate", "decay"]
Clock = Literal["year", "month", "quarter", "week", "epoch", "hour", "day", ""]


@dataclass(frozen=True, slots=True)
class Topic:
    """A measure, and the groups by which it may be broken down."""

    domain: str
    subject: str  # begins titles: "Electricity generation"
    unit: str  # empty: a pure number
    low: float  # usual magnitudes
    high: float
    decimals: int
    by: Mapping[str, tuple[str, ...]]  # name of a grouping -> its members
    clock: Clock = "year"
    trend: Trend = "growth"
    whole: bool = False  # the parts add up to something
    most: float | None = None  # no value may exceed it: 100 for percentages
    short: str = ""  # of the subject, for axes

    @property
    def label(self) -> str:
        """Axis label: measure and unit."""
        name = self.short or self.subject
        return f"{name} ({self.unit})" if self.unit else name


COUNTRIES = (
    "Brazil", "Canada", "France", "Germany", "India", "Italy", "Japan", "Mexico", "Norway",
    "Poland", "Spain", "Sweden", "Turkey", "Vietnam", "Kenya", "Chile",
)  # fmt: skip
REGIONS = ("North", "South", "East", "West", "Central", "Coastal")
CONTINENTS = ("Africa", "Asia", "Europe", "North America", "Oceania", "South America")
CITIES = (
    "Amsterdam", "Berlin", "Chicago", "Dublin", "Helsinki", "Lisbon", "Madrid", "Nairobi",
    "Osaka", "Prague", "Seoul", "Toronto", "Vienna", "Zurich",
)  # fmt: skip
SOURCES = ("Coal", "Gas", "Nuclear", "Hydro", "Wind", "Solar", "Biomass")
RENEWABLES = ("Hydro", "Onshore wind", "Offshore wind", "Solar PV", "Biomass", "Geothermal")
SECTORS = ("Residential", "Commercial", "Industry", "Transport", "Agriculture")
PRODUCTS = ("Laptops", "Tablets", "Phones", "Monitors", "Headphones", "Cameras", "Printers")
CHANNELS = ("Online", "Retail", "Wholesale", "Partners", "Marketplace")
CAMPAIGNS = ("Email", "Search ads", "Social", "Display", "Affiliate", "Referral", "Organic")
DEPARTMENTS = (
    "Engineering", "Sales", "Marketing", "Support", "Finance", "Operations", "Legal", "HR"
)  # fmt: skip
MODELS = ("ResNet-50", "ViT-B", "ConvNeXt", "Swin-T", "EfficientNet", "DeiT-S", "MobileNet")
LANGUAGE_MODELS = ("Baseline", "LoRA", "Full tuning", "Adapter", "Prefix", "Distilled")
DATASETS = ("CIFAR-10", "CIFAR-100", "ImageNet", "Food-101", "Pets", "Flowers", "Cars", "DTD")
OPTIMISERS = ("SGD", "Adam", "AdamW", "RMSprop", "Lion", "Adagrad")
TASKS = ("Reading", "Math", "Coding", "Reasoning", "Translation", "Summaries")
LANGUAGES = ("Python", "JavaScript", "Java", "C++", "Go", "Rust", "TypeScript", "Kotlin")
CROPS = ("Wheat", "Maize", "Rice", "Barley", "Soybeans", "Potatoes", "Oats")
DISEASES = ("Influenza", "Measles", "Dengue", "Malaria", "Pertussis", "Hepatitis A")
AGES = ("0-17", "18-29", "30-44", "45-59", "60-74", "75+")
WARDS = ("Cardiology", "Oncology", "Neurology", "Pediatrics", "Orthopedics", "Surgery")
TEAMS = ("Falcons", "Tigers", "Sharks", "Wolves", "Eagles", "Bears", "Comets", "Royals")
SPECIES = ("Oak", "Beech", "Pine", "Spruce", "Birch", "Maple", "Ash")
FISH = ("Cod", "Herring", "Salmon", "Tuna", "Mackerel", "Haddock")
GENES = ("BRCA1", "TP53", "EGFR", "MYC", "KRAS", "PTEN", "VEGFA")
SUBJECTS = ("Mathematics", "Physics", "Chemistry", "Biology", "History", "Geography", "Art")
MODES = ("Car", "Bus", "Train", "Bicycle", "Walking", "Tram")
POLLUTANTS = ("PM2.5", "PM10", "NO2", "O3", "SO2")
SERVERS = ("api", "auth", "search", "billing", "media", "queue")
ASSETS = ("Equities", "Bonds", "Real estate", "Commodities", "Cash", "Gold")
GENRES = ("Action", "Comedy", "Drama", "Horror", "Romance", "Documentary", "Animation")
MATERIALS = ("Paper", "Glass", "Plastic", "Metal", "Organic", "Textiles")
DIET = ("Dairy", "Meat", "Vegetables", "Fruit", "Grains", "Seafood")

STATIONS = ("Airport", "Harbor", "Hilltop", "Valley", "Lakeside", "Downtown", "Forest")

TOPICS: tuple[Topic, ...] = (
    Topic("energy", "Electricity generation", "TWh", 15, 420, 0,
          {"country": COUNTRIES, "source": SOURCES}, whole=True, short="Generation"),
    Topic("energy", "Installed renewable capacity", "GW", 2, 95, 1,
          {"technology": RENEWABLES, "country": COUNTRIES}, whole=True, short="Capacity"),
    Topic("energy", "Final energy consumption", "PJ", 120, 2400, 0,
          {"sector": SECTORS, "country": COUNTRIES}, trend="flat", whole=True, short="Consumption"),
    Topic("energy", "Household electricity use", "kWh", 180, 620, 0,
          {"region": REGIONS, "city": CITIES}, "month", "season", short="Electricity use"),
    Topic("climate", "Mean temperature", "°C", 4, 22, 1, {"station": STATIONS}, "month", "season",
          short="Temperature"),
    Topic("climate", "Monthly rainfall", "mm", 18, 190, 0, {"city": CITIES, "region": REGIONS},
          "month", "season", whole=True, short="Rainfall"),
    Topic("climate", "CO2 emissions", "Mt", 20, 780, 0, {"country": COUNTRIES, "sector": SECTORS},
          trend="decline", whole=True, short="Emissions"),
    Topic("climate", "Air pollutant concentration", "µg/m³", 6, 75, 1,
          {"city": CITIES, "pollutant": POLLUTANTS}, "month", "season", short="Concentration"),
    Topic("health", "Reported cases", "thousands", 0.8, 48, 1,
          {"disease": DISEASES, "region": REGIONS, "age group": AGES}, "month", "season", True),
    Topic("health", "Hospital admissions", "patients", 90, 940, 0,
          {"ward": WARDS, "age group": AGES}, "month", "flat", True, short="Admissions"),
    Topic("health", "Vaccination coverage", "%", 42, 96, 1, {"country": COUNTRIES,
          "age group": AGES}, "year", "saturate", most=100, short="Coverage"),
    Topic("health", "Average length of stay", "days", 1.8, 12, 1,
          {"ward": WARDS, "age group": AGES}, "quarter", "decline", short="Length of stay"),
    Topic("sales", "Revenue", "million USD", 1.2, 64, 1,
          {"product": PRODUCTS, "region": REGIONS, "channel": CHANNELS}, "quarter", whole=True),
    Topic("sales", "Units sold", "thousands", 3, 140, 0, {"product": PRODUCTS,
          "channel": CHANNELS, "region": REGIONS}, "month", "season", True),
    Topic("sales", "Customer satisfaction score", "", 2.6, 4.9, 1,
          {"channel": CHANNELS, "product": PRODUCTS}, "quarter", "flat", most=5, short="Score"),
    Topic("marketing", "Conversion rate", "%", 0.8, 9.5, 2,
          {"campaign": CAMPAIGNS, "region": REGIONS}, "month", "growth", most=100),
    Topic("marketing", "Advertising spend", "thousand EUR", 8, 210, 0,
          {"campaign": CAMPAIGNS, "product": PRODUCTS}, "quarter", "flat", True, short="Spend"),
    Topic("web", "Website visits", "thousands", 12, 480, 0,
          {"campaign": CAMPAIGNS, "country": COUNTRIES}, "week", "growth", True, short="Visits"),
    Topic("web", "Response time", "ms", 35, 420, 0, {"service": SERVERS, "region": REGIONS},
          "hour", "season", short="Latency"),
    Topic("machine learning", "Top-1 accuracy", "%", 58, 97, 1,
          {"model": MODELS, "dataset": DATASETS}, "epoch", "saturate", most=100, short="Accuracy"),
    Topic("machine learning", "Validation loss", "", 0.25, 2.6, 3,
          {"optimizer": OPTIMISERS, "model": MODELS}, "epoch", "decay", short="Loss"),
    Topic("machine learning", "Benchmark score", "%", 31, 88, 1,
          {"method": LANGUAGE_MODELS, "task": TASKS}, "epoch", "saturate", most=100, short="Score"),
    Topic("machine learning", "Inference throughput", "images/s", 140, 2900, 0,
          {"model": MODELS}, "quarter", "growth", short="Throughput"),
    Topic("software", "Open issues", "", 14, 380, 0, {"language": LANGUAGES, "service": SERVERS},
          "month", "flat", True),
    Topic("software", "Build time", "minutes", 1.5, 26, 1,
          {"language": LANGUAGES, "service": SERVERS}, "week", "decline"),
    Topic("finance", "Portfolio value", "thousand USD", 12, 320, 0,
          {"asset class": ASSETS}, "quarter", "growth", True, short="Value"),
    Topic("finance", "Operating costs", "million EUR", 0.9, 24, 1,
          {"department": DEPARTMENTS, "region": REGIONS}, "quarter", "growth", True, short="Costs"),
    Topic("finance", "Export volume", "billion USD", 6, 340, 1,
          {"country": COUNTRIES}, "year", "growth", True, short="Exports"),
    Topic("sports", "Points scored", "points", 38, 112, 0, {"team": TEAMS}, "week", "flat",
          short="Score"),
    Topic("sports", "Home attendance", "thousands", 6, 58, 1, {"team": TEAMS}, "month",
          "flat", True, short="Attendance"),
    Topic("education", "Average test score", "points", 52, 94, 1,
          {"subject": SUBJECTS, "region": REGIONS}, "year", "flat", most=100, short="Score"),
    Topic("education", "Enrolled students", "", 80, 1900, 0,
          {"subject": SUBJECTS, "region": REGIONS}, "year", "growth", True, short="Students"),
    Topic("agriculture", "Crop yield", "t/ha", 1.4, 9.8, 1,
          {"crop": CROPS, "country": COUNTRIES}, "year", "growth", short="Yield"),
    Topic("agriculture", "Harvested area", "thousand ha", 40, 1500, 0,
          {"crop": CROPS, "region": REGIONS}, "year", "flat", True, short="Area"),
    Topic("biology", "Gene expression", "log2 fold change", 0.4, 6.8, 2,
          {"gene": GENES}, "hour", "growth", short="Expression"),
    Topic("biology", "Tree density", "stems/ha", 45, 620, 0, {"species": SPECIES,
          "region": REGIONS}, "year", "flat", True, short="Density"),
    Topic("biology", "Fish landings", "thousand tonnes", 3, 130, 1, {"species": FISH,
          "region": REGIONS}, "year", "decline", True, short="Landings"),
    Topic("transport", "Passenger trips", "millions", 4, 260, 0,
          {"mode": MODES, "city": CITIES}, "month", "season", True, short="Trips"),
    Topic("transport", "Commuting time", "minutes", 14, 62, 0, {"city": CITIES, "mode": MODES},
          "year", "flat", short="Time"),
    Topic("population", "Population", "thousands", 40, 900, 0, {"region": REGIONS,
          "age group": AGES}, "year", "growth", True),
    Topic("economy", "Unemployment rate", "%", 2.4, 14.5, 1, {"country": COUNTRIES,
          "region": REGIONS}, "quarter", "flat", most=100, short="Rate"),
    Topic("economy", "Household spending", "USD", 120, 1650, 0, {"age group": AGES,
          "city": CITIES}, "month", "flat", True, short="Spending"),
    Topic("media", "Box office revenue", "million USD", 12, 640, 0, {"genre": GENRES,
          "continent": CONTINENTS}, "year", "growth", True, short="Revenue"),
    Topic("environment", "Recycled waste", "kilotonnes", 5, 150, 1, {"material": MATERIALS,
          "city": CITIES}, "year", "growth", True, short="Recycled"),
    Topic("nutrition", "Food consumption", "kg per person", 9, 130, 0, {"food group": DIET,
          "country": COUNTRIES}, "year", "flat", True, short="Consumption"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity: name, unit, usual range."""

    name: str
    unit: str
    low: float
    high: float
    decimals: int = 1

    @property
    def label(self) -> str:
        """Axis label: name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Pair:
    """Two measures of the same things, and a third for the size of bubbles."""

    domain: str
    things: str  # plural: "houses"
    x: Measure
    y: Measure
    size: Measure
    slope: float  # correlation, -1 .. 1
    groups: tuple[str, ...]
    grouping: str
    names: tuple[str, ...] = ()  # of single things, for labels
    log_x: bool = False


PAIRS: tuple[Pair, ...] = (
    Pair("economy", "countries", Measure("GDP per capita", "thousand USD", 2, 90),
         Measure("Life expectancy", "years", 56, 84), Measure("Population", "millions", 3, 140), 0.8,
         CONTINENTS, "continent", log_x=True),
    Pair("real estate", "apartments", Measure("Floor area", "m²", 28, 170, 0),
         Measure("Monthly rent", "EUR", 480, 3100, 0), Measure("Rooms", "", 1, 7, 0), 0.85,
         ("Old town", "Harbour", "Suburb", "University"), "district"),
    Pair("health", "patients", Measure("Age", "years", 20, 85, 0),
         Measure("Systolic blood pressure", "mmHg", 100, 175, 0), Measure("BMI", "kg/m²", 18, 40), 0.6,
         ("Control", "Treatment A", "Treatment B"), "arm"),
    Pair("education", "students", Measure("Hours of study", "h/week", 1, 28),
         Measure("Exam score", "points", 35, 98, 0), Measure("Attendance", "%", 40, 100, 0), 0.75,
         ("Year 1", "Year 2", "Year 3"), "year"),
    Pair("machine learning", "models", Measure("Parameters", "million", 5, 900, 0),
         Measure("Top-1 accuracy", "%", 66, 88), Measure("Training time", "GPU days", 1, 60, 0), 0.7,
         ("CNN", "Transformer", "Hybrid"), "family", log_x=True),
    Pair("climate", "stations", Measure("Elevation", "m", 5, 2400, 0),
         Measure("Mean temperature", "°C", -2, 18), Measure("Rainfall", "mm", 350, 2200, 0), -0.9,
         ("Coast", "Valley", "Alpine"), "zone"),
    Pair("biology", "penguins", Measure("Flipper length", "mm", 172, 231, 0),
         Measure("Body mass", "g", 2700, 6300, 0), Measure("Bill length", "mm", 32, 59), 0.85,
         ("Adelie", "Chinstrap", "Gentoo"), "species"),
    Pair("vehicles", "cars", Measure("Weight", "kg", 850, 2400, 0),
         Measure("Fuel economy", "km/l", 6, 24), Measure("Power", "hp", 60, 380, 0), -0.85,
         ("Compact", "Sedan", "SUV"), "class"),
    Pair("sports", "players", Measure("Minutes played", "min/game", 8, 38),
         Measure("Points", "per game", 2, 29), Measure("Age", "years", 19, 38, 0), 0.8,
         ("Guard", "Forward", "Center"), "position"),
    Pair("marketing", "campaigns", Measure("Budget", "thousand USD", 2, 120, 0),
         Measure("Leads generated", "", 40, 1900, 0), Measure("Reach", "thousands", 5, 300, 0), 0.7,
         CAMPAIGNS, "channel", ("Spring sale", "Newsletter", "Podcast", "Trade fair", "Webinar",
         "Giveaway", "Billboards", "App launch")),
    Pair("sports", "teams", Measure("Payroll", "million USD", 12, 190, 0),
         Measure("Wins", "", 18, 62, 0), Measure("Home attendance", "thousands", 8, 58, 0), 0.7,
         ("East", "West"), "conference", TEAMS),
    Pair("sales", "products", Measure("Price", "USD", 20, 900, 0),
         Measure("Units sold", "thousands", 2, 85), Measure("Revenue", "million USD", 0.4, 22), -0.7,
         CHANNELS, "channel", PRODUCTS),
    Pair("agriculture", "plots", Measure("Fertilizer", "kg/ha", 10, 220, 0),
         Measure("Yield", "t/ha", 1.8, 9.6), Measure("Plot size", "ha", 1, 40, 0), 0.65,
         ("Sandy", "Loam", "Clay"), "soil"),
    Pair("astronomy", "stars", Measure("Surface temperature", "K", 3000, 11000, 0),
         Measure("Luminosity", "solar units", 0.1, 60), Measure("Mass", "solar masses", 0.3, 9), 0.8,
         ("Main sequence", "Giant", "Dwarf"), "class"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity that varies between the members of groups."""

    domain: str
    subject: str
    unit: str
    mean: tuple[float, float]  # of a group
    deviation: float  # of a group, as a share of its mean
    groups: tuple[str, ...]
    grouping: str
    decimals: int = 1
    skewed: bool = False

    @property
    def label(self) -> str:
        """Axis label: subject and unit."""
        return f"{self.subject} ({self.unit})" if self.unit else self.subject


SAMPLES: tuple[Spread, ...] = (
    Spread("web", "Response time", "ms", (90, 260), 0.3, SERVERS, "service", 0, True),
    Spread("health", "Resting heart rate", "bpm", (58, 82), 0.12, AGES, "age group", 0),
    Spread("health", "Systolic pressure", "mmHg", (112, 138), 0.09, ("Placebo", "Low dose",
           "Medium dose", "High dose"), "treatment", 0),
    Spread("education", "Exam score", "points", (58, 80), 0.14, SUBJECTS, "subject", 0),
    Spread("transport", "Delivery time", "days", (2.2, 6.5), 0.28, ("Standard", "Express",
           "Economy", "Pickup", "Overnight"), "service", 1, True),
    Spread("biology", "Leaf length", "cm", (4.5, 14), 0.17, SPECIES, "species", 1),
    Spread("biology", "Cell diameter", "µm", (8, 21), 0.14, ("Control", "Drug A", "Drug B",
           "Combination"), "condition", 1),
    Spread("finance", "Annual salary", "thousand USD", (48, 118), 0.22, DEPARTMENTS,
           "department", 0, True),
    Spread("sports", "Sprint time", "s", (11.2, 13.8), 0.05, TEAMS, "team", 2),
    Spread("manufacturing", "Shaft diameter", "mm", (24.6, 25.4), 0.008, ("Machine A",
           "Machine B", "Machine C", "Machine D"), "machine", 2),
    Spread("machine learning", "F1 score", "%", (68, 91), 0.035, LANGUAGE_MODELS, "method", 1),
    Spread("climate", "Daily maximum temperature", "°C", (14, 29), 0.16, CITIES, "city", 1),
    Spread("energy", "Daily electricity use", "kWh", (7, 19), 0.25, ("Flat", "Terraced",
           "Detached", "Farm"), "dwelling", 1, True),
    Spread("agriculture", "Fruit weight", "g", (120, 210), 0.13, ("Gala", "Fuji", "Braeburn",
           "Elstar", "Jonagold"), "cultivar", 0),
    Spread("real estate", "House price", "thousand EUR", (210, 520), 0.26, REGIONS, "region", 0,
           True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A quantity over the plane; `formula` is numpy code in X, Y and the numbers a, b, c."""

    title: str
    quantity: str
    x: str
    y: str
    span: tuple[float, float, float, float]  # x from, to; y from, to
    formula: str
    a: tuple[float, float] = (1.0, 1.0)
    b: tuple[float, float] = (1.0, 1.0)
    c: tuple[float, float] = (1.0, 1.0)
    flow: tuple[str, str] | None = None  # components of a vector field: quiver


FIELDS: tuple[Field, ...] = (
    Field("Elevation of a volcanic island", "Elevation (m)", "East (km)", "North (km)",
          (-4, 4, -4, 4), "{a} * np.exp(-(X**2 + Y**2) / {b}) + {c} * np.exp(-((X - 1.5)**2 + (Y + 1)**2))",
          (900, 1600), (3, 7), (150, 420)),
    Field("Sea surface temperature", "Temperature (°C)", "Longitude (°E)", "Latitude (°N)",
          (-20, 10, 30, 55), "{a} - {b} * (Y - 30) + {c} * np.sin(X / 4) * np.cos(Y / 5)",
          (21, 26), (0.3, 0.55), (0.6, 1.8)),
    Field("Loss surface around the minimum", "Loss", "Direction 1", "Direction 2",
          (-2, 2, -2, 2), "{a} * X**2 + {b} * Y**2 + {c} * np.sin(3 * X) * np.cos(3 * Y)",
          (0.4, 1.2), (0.3, 1.0), (0.15, 0.5)),
    Field("Interference of two wave sources", "Amplitude", "x (cm)", "y (cm)", (-6, 6, -6, 6),
          "np.cos({a} * np.hypot(X - {b}, Y)) + np.cos({a} * np.hypot(X + {b}, Y))",
          (1.2, 2.2), (1.5, 3.0)),
    Field("Intensity of a Gaussian beam", "Intensity (mW/cm²)", "x (mm)", "y (mm)", (-3, 3, -3, 3),
          "{a} * np.exp(-(X**2 / {b} + Y**2 / {c}))", (20, 90), (0.8, 3.0), (0.8, 3.0)),
    Field("Noise level around an airport", "Noise (dB)", "Distance east (km)",
          "Distance north (km)", (-10, 10, -6, 6),
          "{a} - {b} * np.log1p(0.3 * X**2 + {c} * Y**2)", (82, 98), (5, 8), (0.6, 1.6)),
    Field("Electric potential of a dipole", "Potential (V)", "x (cm)", "y (cm)", (-4, 4, -4, 4),
          "{a} / np.hypot(X - 1, Y + 0.3) - {b} / np.hypot(X + 1, Y - 0.3)", (1.0, 2.4), (1.0, 2.4)),
    Field("Hyperparameter search", "Validation accuracy (%)", "log10 learning rate",
          "log10 weight decay", (-5, -1, -6, -2),
          "{a} - {b} * (X + 3)**2 - {c} * (Y + 4)**2", (84, 94), (2.5, 5.0), (0.8, 2.2)),
    Field("Rainfall over the catchment", "Rainfall (mm)", "Easting (km)", "Northing (km)",
          (0, 40, 0, 30), "{a} + {b} * np.sin(X / 7) + {c} * np.cos(Y / 6) * np.sin(X / 11)",
          (70, 110), (12, 28), (8, 22)),
)  # fmt: skip

FLOWS: tuple[Field, ...] = (
    Field("Wind field over the bay", "Wind speed (m/s)", "East (km)", "North (km)", (0, 10, 0, 10),
          "", (4, 9), (1.5, 3.5), flow=("{a} + np.sin(Y / {b})", "np.cos(X / {b})")),
    Field("Flow around a vortex", "Speed (cm/s)", "x (cm)", "y (cm)", (-3, 3, -3, 3), "",
          (0.8, 2.0), (0.5, 1.5), flow=("-{a} * Y", "{a} * X + {b} * 0.2")),
    Field("Ocean surface currents", "Current (m/s)", "Longitude (°W)", "Latitude (°N)",
          (-60, -40, 20, 40), "", (0.3, 0.9), (4, 8),
          flow=("{a} * np.sin(Y / {b})", "{a} * np.cos(X / {b})")),
    Field("Predator-prey phase plane", "Rate of change", "Prey (thousands)",
          "Predators (thousands)", (0, 4, 0, 3), "", (0.8, 1.4), (0.5, 0.9),
          flow=("{a} * X - {b} * X * Y", "-{a} * Y + {b} * X * Y")),
    Field("Electric field of a point charge", "Field strength (V/m)", "x (m)", "y (m)",
          (-2, 2, -2, 2), "", (0.5, 1.5), (0.4, 0.9),
          flow=("{a} * X / (X**2 + Y**2 + {b})", "{a} * Y / (X**2 + Y**2 + {b})")),
    Field("Damped pendulum phase portrait", "Rate of change", "Angle (rad)",
          "Angular velocity (rad/s)", (-3, 3, -3, 3), "", (0.1, 0.5), (0.8, 1.4),
          flow=("Y", "-{b} * np.sin(X) - {a} * Y")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes of a graph and what its edges mean."""

    title: str
    nodes: tuple[str, ...]
    directed: bool
    weight: str = ""  # what a number on an edge is


NETWORKS: tuple[Network, ...] = (
    Network("Service dependencies", ("gateway", "auth", "orders", "billing", "users", "search",
            "cache", "queue", "mailer", "reports"), True, "calls/s"),
    Network("Direct flight connections", ("LIS", "MAD", "CDG", "FRA", "VIE", "WAW", "HEL", "ARN",
            "DUB", "ZRH"), False, "flights a day"),
    Network("Food web of a lake", ("Algae", "Plankton", "Snail", "Perch", "Pike", "Heron", "Otter",
            "Mayfly"), True),
    Network("Co-author network", ("Adams", "Brandt", "Chen", "Diaz", "Eriksen", "Fofana", "Gupta",
            "Hahn", "Ito", "Jansen"), False, "papers"),
    Network("Course prerequisites", ("Calculus", "Algebra", "Statistics", "Physics", "Programming",
            "Databases", "Networks", "Learning"), True),
    Network("Road network (km)", ("Alba", "Brook", "Cliff", "Dale", "Elm", "Ford", "Glen", "Hill"),
            False, "km"),
    Network("Message passing between teams", ("Data", "Design", "Legal", "Ops", "Product", "QA",
            "Sales", "Web"), True, "messages"),
    Network("Protein interactions", ("AKT1", "TP53", "MDM2", "EGFR", "GRB2", "SOS1", "KRAS",
            "RAF1", "MYC"), False, "score"),
)  # fmt: skip

BRIDGES: tuple[tuple[str, str, str, tuple[str, ...], str], ...] = (
    ("Operating profit bridge", "million USD", "Revenue", ("Cost of goods", "Salaries", "Marketing",
     "Logistics", "Licences", "Other income"), "Profit"),
    ("Change in headcount", "employees", "January", ("Hired", "Retired", "Resigned", "Transfers in",
     "Transfers out"), "December"),
    ("Household budget", "USD", "Income", ("Rent", "Food", "Transport", "Insurance", "Tax refund",
     "Leisure"), "Savings"),
    ("Carbon budget of a campus", "tonnes CO2", "2015", ("Heating", "New labs", "Solar roof",
     "Travel", "LED lighting"), "2025"),
    ("Subscriber movement", "thousands", "Opening", ("New", "Reactivated", "Cancelled", "Paused"),
     "Closing"),
)  # fmt: skip

PROJECTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Product launch plan", ("Research", "Concept", "Prototype", "User tests", "Tooling",
     "Production", "Marketing", "Launch")),
    ("Website relaunch", ("Audit", "Wireframes", "Visual design", "Frontend", "Backend", "Content",
     "QA", "Go-live")),
    ("Clinical study schedule", ("Protocol", "Ethics review", "Recruitment", "Treatment",
     "Follow-up", "Data lock", "Analysis", "Report")),
    ("House construction", ("Permits", "Excavation", "Foundation", "Framing", "Roofing", "Plumbing",
     "Electrical", "Finishing")),
    ("Data platform migration", ("Inventory", "Design", "Pilot", "Data copy", "Validation",
     "Cut-over", "Training", "Review")),
)  # fmt: skip

RELATED: tuple[frozenset[str], ...] = (
    frozenset({"sales", "marketing", "web", "media", "finance"}),
    frozenset({"energy", "climate", "environment", "population", "transport", "economy"}),
    frozenset({"machine learning", "software"}),
    frozenset({"health", "population"}),
    frozenset({"agriculture", "climate", "biology", "nutrition"}),
    frozenset({"education", "economy", "population"}),
)
"""Domains whose measures people plot against one another."""

TICKERS = ("ARQ", "BLUM", "CNDR", "DYNX", "EVRA", "FLUX", "GRNT", "HELX", "KITE", "LUMO")


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LAST_YEAR = 2025

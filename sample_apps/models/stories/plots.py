"""The sentences that the little stories are made of; `grammar.py` reads them.

`[one|two|]` is a choice, nested as deep as one likes; `{...}` is a slot: h is the hero, f a friend and t a third one,
with `.he .him .his .himself .kind .size`, capitalised for `.He` and `.His`; the other names are drawn once in a story.
Every name is used at least twice, and what a story draws at its beginning comes back later, so that there is something
to remember."""

WORDS = {
    "trait": ["kind", "brave", "curious", "shy", "clever", "cheerful", "patient", "gentle", "careful", "lively"],
    "food": ["apple pie", "honey cake", "warm bread", "berry jam", "pumpkin soup", "nut cookies", "sweet pears",
             "carrot stew", "plum cake", "mushroom soup", "oat pancakes", "cherry tart"],
    "hobby": ["sing", "paint pictures", "climb trees", "count the stars", "play the flute", "collect stones",
              "read old books", "dance in the rain", "jump over puddles", "fly kites", "pick flowers", "tell jokes"],
    "colour": ["red", "blue", "green", "yellow", "golden", "white", "purple", "silver"],
    "family": ["mother", "father", "grandmother", "grandfather", "big sister", "big brother", "aunt", "uncle"],
    "season": ["spring", "summer", "autumn", "winter"],
    "time": ["One morning", "One day", "One sunny afternoon", "One evening", "One rainy day", "One windy morning",
             "Early one morning"],
}

# (where it is, what it is called when somebody goes back there)
PLACES = [
    ("in a quiet forest", "forest"), ("by a blue lake", "lake"), ("in a green valley", "valley"),
    ("on a sunny hill", "hill"), ("near a small village", "village"), ("by the sea", "beach"),
    ("at the foot of a high mountain", "mountain"), ("next to an old mill", "mill"), ("on a little farm", "farm"),
    ("beside a slow river", "river"), ("in a wild garden", "garden"), ("at the edge of a wide meadow", "meadow"),
]

KINDS = ["fox", "rabbit", "bear", "mouse", "hedgehog", "squirrel", "badger", "frog", "cat", "dog", "goat", "otter",
         "turtle", "pony", "lamb", "beaver", "deer", "duck"]
SIZES = ["little", "small", "young", "tiny"]

GIRLS = ["Mia", "Lily", "Rosa", "Nina", "Ella", "Anna", "Poppy", "Daisy", "Clara", "Hazel", "Ruby", "Molly", "Tilda",
         "Wilma", "Greta", "Flora", "Emma", "Lucy", "Sara", "Ivy", "Maya", "Luna", "Bella", "Zoe", "Olive"]
BOYS = ["Tom", "Max", "Ben", "Finn", "Oscar", "Leo", "Sam", "Jack", "Theo", "Pip", "Hugo", "Otto", "Bruno", "Felix",
        "Milo", "Toby", "Rufus", "Oliver", "Paul", "Tim", "Jasper", "Henry", "Charlie", "Noah", "Fred"]
SYLLABLES = ["ba", "be", "da", "di", "fi", "ga", "ja", "jo", "ka", "ko", "la", "le", "li", "lo", "lu", "ma", "me", "mi",
             "mo", "na", "ne", "ni", "no", "pa", "ra", "re", "ri", "so", "ta", "te", "ti", "to", "va", "vi", "wa", "wi",
             "ya", "za"]
LAST_LETTERS = ["", "", "", "n", "s", "l", "r", "x", "m", "ck", "t"]

OPENINGS = [
    "[Once upon a time, there was|Once there was|There once was|Long ago, there was] a {trait} {h.size} {h.kind} "
    "[named|called] {h}. {h.He} lived {place} with {h.his} {family}. {h} loved to {hobby}, and [{h.his} favourite "
    "food was {food}|nothing tasted better to {h.him} than {food}|{h.he} liked {food} more than anything else].",
    "[Once upon a time, a|Long ago, a|A] {h.size} {h.kind} [named|called] {h} lived {place}. [Everybody said that "
    "{h} was very {trait}.|{h.He} was a {trait} {h.kind}.] [Every day|In the {season}|When the sun was out], {h.he} "
    "liked to {hobby}[, and in the evening {h.his} {family} made {food}|, and then {h.he} ate {food} with {h.his} "
    "{family}].",
    "{h} was a {h.size} {h.kind} who lived {place}. {h.He} was {trait}, and {h.he} loved {food}. [{h.His} {family} "
    "had taught {h.him} to {hobby}|{h.His} {family} often watched {h.him} {hobby}].",
    "[Once upon a time, there were two friends, {h} and {f}.|There once were two friends called {h} and {f}.] {h} "
    "was a {trait} {h.kind}, and {f} was a {f.kind}. They lived {place}[, and they loved to {hobby}|. Every day they "
    "met to {hobby}]. {h}'s {family} always gave them {food}.",
]

ENDINGS = [
    "[That evening|In the evening|When the sun went down], {h} and {f} sat {by} and ate {food}. [It had never tasted "
    "so good.|\"What a day!\" said {f}.|They laughed until the moon came up.|They were tired and happy.] {moral}",
    "[When {h} came home|At home], {h.his} {family} [had made {food}|was waiting with {food}]. {h} told "
    "{h.him_family} everything about {f}. [\"I am proud of you,\" said {h.his} {family}.|\"That is my {trait} {h}!\" "
    "said {h.his} {family}.] {moral}",
    "[From that day on|After that day|Since then], {h} and {f} [were the best of friends|met every day|did "
    "everything together], and [they always shared their {food}|they ate {food} together every week]. {moral}",
    "[Then|At last] {h} went back to the {home}. {h.He} ate [a big plate of|some] {food}, and {h.his} {family} "
    "[tucked {h.him} in|sang {h.him} a song]. [\"Good night, {h}.\"|Soon {h} was fast asleep.] {moral}",
]

BY = ["by the fire", "under the stars", "under a big tree", "at a long table", "on a soft blanket"]
LAST_WORDS = ["The end.", "And they lived happily ever after.", "", "", ""]

# Each plot: what it draws, its paragraphs, and what one learns from it.
PLOTS = [
    dict(
        draw={"thing": ["kite", "scarf", "bell", "ball", "hat", "button", "ring", "key"],
              "spot": ["under a bush", "in a hollow log", "behind a big rock", "in a bird's nest", "in the tall grass",
                       "at the bottom of the well"]},
        text=["{time}, {h} lost {h.his} {colour} {thing}. [{h.He} looked under the bed and behind the door, but the "
              "{thing} was gone.|{h.He} looked everywhere, but {h.he} could not find it.] [{h} began to cry.|{h} was "
              "very sad.|\"Oh no!\" said {h}. \"Where is my {thing}?\"]",
              "[Just then|A little later], a {f.kind} named {f} came by. \"[Why are you sad|What is wrong|Why do you "
              "cry]?\" asked {f}. \"I have lost my {colour} {thing},\" said {h}. \"[Do not worry|Cheer up],\" said "
              "{f}. \"[I will help you look for it|We will find it together].\"",
              "[They looked near the {home}.|They walked all around the {home}.|They asked an old owl, but the owl "
              "had not seen it.] [Suddenly|Then|After a long time], {f} saw something {colour} {spot}. [\"Look, "
              "{h}!\" {f.he} called.|\"There it is!\" said {f}.] It was the {thing}! {h} [hugged {f}|jumped for "
              "joy|was so happy]. \"Thank you, {f},\" {h.he} said."],
        moral=["Lost things are easier to find with a friend.", "{h} never lost the {thing} again."]),
    dict(
        draw={"fear": ["the dark", "thunder", "deep water", "high places", "the wind"],
              "trick": ["sing a song", "count to ten", "think of a friend", "take a deep breath", "think of {food}"]},
        text=["But {h} had a secret: {h.he} was afraid of {fear}. [{h.He} had never told anyone.|When the others "
              "played, {h.he} stayed at home.|Whenever {h.he} thought of it, {h.his} knees began to shake.]",
              "{time}, {h} met [{f} the {f.kind}|a {f.kind} called {f}]. [\"Come and play with me,\" said "
              "{f}.|\"Shall we go on a trip?\" asked {f}.] {h} looked at {h.his} feet. \"I cannot,\" {h.he} said. "
              "\"I am afraid of {fear}.\" {f} did not laugh. \"[I was afraid of {fear} too|Everybody is afraid of "
              "something],\" said {f}. \"When I am afraid, I {trick}. [Try it|It helps].\"",
              "So {h} tried it. {h.He} [closed {h.his} eyes|held on to {f}|stood very still] and began to {trick}. "
              "[Slowly, the fear became smaller.|After a while, {h.his} heart was calm.] \"It works!\" [cried|said] "
              "{h}. \"I am not afraid any more!\" {f} [smiled|clapped|was proud of {h.him}]."],
        moral=["You can be afraid and brave at the same time.", "And {h} was not afraid of {fear} any more."]),
    dict(
        draw={"trap": ["a deep hole", "the mud", "a thorn bush", "a fishing net", "a hollow tree"],
              "tool": ["a long rope", "a strong branch", "an old ladder", "a wooden pole"]},
        text=["{time}, {h} [went for a walk|was on {h.his} way home] when {h.he} heard a cry. \"Help! Help!\" {h} "
              "[ran to look|followed the voice]. A {f.kind} was stuck in {trap}. \"[Please help me|I cannot get "
              "out],\" said the {f.kind}. \"My name is {f}.\"",
              "[{h} pulled and pulled, but {h.he} was not strong enough.|{h} tried to pull {f.him} out, but it did "
              "not work.] \"[Wait here|Do not be afraid],\" said {h}. \"I will get help.\" {h.He} ran as fast as "
              "{h.he} could and found {t} the {t.kind}. {t} had {tool}.",
              "[Together they went back to {the_trap}.|They hurried back to {f}.] {h} and {t} [took {the_tool}|held "
              "{the_tool}], and {f} held on to it. \"One, two, three!\" called {t}. They pulled and pulled, and at "
              "last {f} was free. \"[Thank you, {h}! Thank you, {t}!|You saved me!]\" said {f}."],
        moral=["Together they were strong.", "When friends pull together, nothing is too heavy."]),
    dict(
        draw={"sign": ["the light of a candle", "the sound of a bell", "a row of white stones", "the brightest star",
                       "the smell of {food}"]},
        text=["{time}, {h} and {f} the {f.kind} went out to look for [berries|mushrooms|nuts]. They walked and "
              "walked. [Then dark clouds came.|Then a thick fog came up.|Then it began to snow.] [\"Which way is "
              "home?\" asked {f}.|\"Where are we?\" asked {f}.] {h} looked around, but [every tree looked the "
              "same|{h.he} did not know the way]. They were lost.",
              "{f} began to cry. \"[Do not cry, {f}|Stay close to me],\" said {h}. [{h.He} gave {f.him} {h.his} "
              "{colour} scarf.|{h.He} took {f.him} by the hand.|{h.He} sang to {f.him} to keep {f.him} calm.] Then "
              "{h} saw something far away. It was {sign}! \"Come,\" {h.he} said. \"We must follow {the_sign}.\"",
              "[Step by step|Slowly], they walked on. {The_sign} led them [over a bridge and|past the old oak and|up "
              "a hill and] back to the {home}. [{h.His} {family} was standing at the door.|{h.His} {family} ran to "
              "meet them.] \"There you are!\" said {h.his} {family}. {f} said, \"{h} found the way.\""],
        moral=["If you stay calm, you will find the way.", "They never forgot {the_sign}."]),
    dict(
        draw={"missing": ["eggs", "milk", "flour", "honey", "butter", "sugar"],
              "swap": ["a basket of berries", "a bag of nuts", "a {colour} ribbon", "a song", "a drawing"]},
        text=["{time}, {h} wanted to make {food} for the birthday of {f} the {f.kind}. [{h.He} put on an "
              "apron|{h.He} took a big bowl] and looked on the shelf. But there was no {missing}! \"[Oh dear|Oh "
              "no],\" said {h}. \"I cannot make {food} without {missing}.\"",
              "So {h} went to {t} the {t.kind}, who had a lot of {missing}. \"Dear {t}, may I have some {missing}?\" "
              "asked {h}. \"It is for {f}.\" \"[Yes, but|Of course, but] what will you give me for it?\" asked {t}. "
              "{h} thought for a moment. \"I can give you {swap},\" {h.he} said. {t} [smiled|nodded]. \"[I would "
              "like that|That is fair],\" said {t}.",
              "[{h} ran home with the {missing}|{h} carried the {missing} home] and made {food}. [It smelled "
              "wonderful.|The whole house smelled of it.] When {f} came, {h} [called|cried], \"Happy birthday, "
              "{f}!\" {f} was so happy that {f.he} [danced|clapped|hugged {h}]. \"Let us share it with {t},\" said "
              "{f}."],
        moral=["The best gifts are made by hand.", "It was the best birthday of all."]),
    dict(
        draw={"house": ["empty house", "old windmill", "little hut", "house with the {colour} door", "hollow tree"]},
        text=["{time}, somebody new moved into the {house} [near|close to] the {home}. It was a {f.kind} called {f}. "
              "[{f.He} did not say hello to anyone.|{f.He} stayed inside all day.] \"{f} does not like us,\" said "
              "the others. But {h} thought, \"Maybe {f} is only shy.\"",
              "The next day, {h} took some {food} and went to the {house}. [Knock, knock!|{h.He} knocked on the "
              "door.] {f} opened the door [just a little|very slowly]. \"Hello,\" said {h}. \"I am {h}. I brought "
              "you {food}.\" {f} [looked surprised|smiled a little]. \"[Nobody has ever brought me anything|That is "
              "very kind of you],\" {f.he} said.",
              "They sat down and ate together. {f} told {h} that {f.he} loved to {hobby}. \"[So do I|I love that "
              "too]!\" said {h}. [They did it all afternoon.|Soon they were laughing.] The next morning, {h} took "
              "{f} to [meet the others|play with the others], and {f} was not shy any more."],
        moral=["A kind word can open any door.", "Sometimes a friend is only one knock away."]),
    dict(
        draw={"toy": ["boat", "wagon", "drum", "music box", "kite", "sledge"],
              "part": ["a piece of string", "two nails", "some glue", "a bit of cloth", "a small wheel"]},
        text=["{h} had a {colour} {toy}. {time}, {h} let {f} the {f.kind} play with it. But {f} [fell|was not "
              "careful|ran too fast], and crack! The {toy} was broken. [{f} was scared.|{f} felt very bad.] \"[I am "
              "so sorry, {h}|It was my fault],\" said {f}.",
              "{h} was [angry|sad] at first. {h.He} wanted to [shout|run away]. But then {h.he} saw that {f} was "
              "crying. \"It was an accident,\" said {h}. \"[Maybe we can mend it|Let us try to mend it].\" They took "
              "the {toy} to {t}, an old {t.kind} who could mend anything.",
              "\"[Hmm|Let me see],\" said {t}. \"We need {part}.\" {f} [ran to get it|knew where to find it] and "
              "soon came back with {part}. {t} showed them what to do, and {h} and {f} mended the {toy} together. "
              "[It was even better than before.|It looked like new.] \"Thank you, {t},\" said {h}."],
        moral=["What is broken can be mended, and a friend is worth more than a {toy}.",
               "{f} was always careful with the {toy} after that."]),
    dict(
        draw={"race": ["to the big oak and back", "around the lake", "up the hill", "across the meadow"],
              "prize": ["a {colour} cup", "a {colour} ribbon", "a golden apple", "a basket full of {food}"]},
        text=["{time}, there was a race {race}. The prize was {prize}. {f} the {f.kind} was the fastest of all. \"[I "
              "will win|Nobody can beat me],\" said {f}. {h} was [not very fast|slow], but {h.he} wanted to try.",
              "\"Ready, steady, go!\" They all ran. [{f} was soon far ahead.|Soon nobody could see {f} any more.] "
              "{h} ran as well as {h.he} could. Then {h.he} heard somebody crying. It was {f}! {f.He} had [hurt "
              "{f.his} foot|fallen over a root]. [Everybody else ran past.|The others did not stop.] But {h} "
              "stopped. \"[Lean on me, {f}|I will help you, {f}],\" said {h}.",
              "Slowly, {h} and {f} walked on together. They came in last. But when the others saw it, they "
              "[cheered|clapped]. The judge, a wise old owl, gave {the_prize} to {h}. \"[You did not win the race, "
              "but you won a friend|A good heart is worth more than fast feet],\" said the owl. {f} said, \"I will "
              "never boast again.\""],
        moral=["It is not always the fastest who wins.", "{h} kept {the_prize} and shared it with {f}."]),
    dict(
        draw={"treat": ["apple", "pear", "cookie", "cake", "plum"]},
        text=["{time}, {h} and {f} the {f.kind} found a big {colour} {treat}. \"It is mine,\" said {h}. \"I saw it "
              "first!\" \"No, it is mine,\" said {f}. \"I [picked it up|touched it] first!\" [They pulled and "
              "shouted.|They shouted so loudly that the birds flew away.]",
              "{t} the {t.kind} heard them. \"[What is the matter|Why do you shout]?\" asked {t}. {h} and {f} both "
              "wanted the {treat}. \"[I know what to do|That is easy],\" said {t}. \"One of you cuts the {treat}, "
              "and the other one chooses.\"",
              "So {h} cut the {treat} into two pieces[, very carefully|]. {f} looked at both pieces. They were the "
              "same! {f} [laughed|smiled] and took one. \"[I am sorry that I shouted|I am sorry], {h},\" said {f}. "
              "\"I am sorry too, {f},\" said {h}. They even gave a bite to {t}."],
        moral=["A {treat} tastes better when it is shared.", "They never fought about food again."]),
    dict(
        draw={"noise": ["a strange noise", "a loud thump", "a soft crying", "a scratching sound", "a long howl"],
              "from": ["the attic", "the old barn", "the cellar", "the hollow oak", "the cave"]},
        text=["{time}, {h} heard {noise}. It came from {from}. \"[Is it a ghost|Is it a monster]?\" {h.he} thought. "
              "{h.He} [pulled the blanket over {h.his} head|hid under the table]. But the noise came again. So {h} "
              "took {h.his} {colour} lamp and went to look.",
              "[Step by step|Very quietly], {h} went to {from}. {h.His} heart beat fast. \"Who is there?\" {h.he} "
              "[whispered|called]. Then {h.he} saw two [big|bright] eyes. It was not a [ghost|monster] at all! It "
              "was a {f.size} {f.kind}. \"[Please do not be angry|Do not be afraid],\" said the {f.kind}. \"I am "
              "{f}. I am [cold|hungry|lonely].\"",
              "{h} put down {h.his} lamp. \"You poor thing,\" {h.he} said. \"Come with me, {f}.\" {h} gave {f.him} "
              "[a warm blanket|a cup of warm milk] and some {food}. [\"Nobody was ever so good to me,\" said "
              "{f}.|{f} stopped crying and smiled.] Since that night there was no more noise from {from}."],
        moral=["Things are less scary when you look at them with a lamp.", "That is how {h} found a friend."]),
    dict(
        draw={"plant": ["sunflower", "pumpkin", "apple tree", "rose", "bean"],
              "grown": ["as tall as a house", "bigger than {h}", "the finest of all"]},
        text=["{time}, {f} the {f.kind} gave {h} a seed. \"If you are patient, it will become a {plant},\" said {f}. "
              "{h} [planted the seed near the {home}|put the seed into the ground]. {h.He} waited all day, but "
              "nothing happened. \"[Grow, little seed|Why do you not grow]!\" said {h}.",
              "[The next day|A week later], there was still nothing. {h} was sad and went to {f}. \"My seed does not "
              "grow,\" {h.he} said. {f} smiled. \"[A seed needs three things|You must give it three things]: water, "
              "sun and time.\" So {h} gave it water every morning[, and {h.he} sang to it every evening|].",
              "Then, one day, there was a tiny green leaf! {h} [danced around it|called {f} at once]. The leaf "
              "became a stem, and the stem became a {plant}. In the end it was {grown}. \"You see, {h},\" said {f}. "
              "\"[Good things take time|You only had to wait].\""],
        moral=["Good things take time.", "And every year, {h} planted a new seed."]),
    dict(
        draw={"vase": ["vase", "plate", "window", "lamp", "teapot", "mirror"]},
        text=["{time}, {h} [played with a ball in the house|danced through the house]. Crash! The {colour} {vase} of "
              "{h.his} {family} fell down and broke. {h} was [frightened|scared]. {h.He} hid the pieces [under the "
              "bed|in a box]. \"[Nobody will know|I will say that the wind did it],\" {h.he} thought.",
              "But {h} could not [sleep|eat] any more. {h.He} went to {f} the {f.kind}. \"What should I do, {f}?\" "
              "asked {h}. \"I broke the {vase}, and nobody knows.\" {f} thought about it. \"You know it,\" said {f}. "
              "\"[Tell the truth|Say that you are sorry]. I will go with you.\"",
              "So they went home together. \"I broke the {vase},\" said {h}[ in a small voice|]. \"I am very "
              "sorry.\" {h.His} {family} [was quiet for a moment|looked at {h.him} for a long time]. \"[Thank you "
              "for telling me|It was good that you told me],\" said {h.his} {family}. \"A {vase} is only a {vase}.\" "
              "{h} felt as light as a feather, and {f} smiled."],
        moral=["The truth makes the heart light.", "{h} always told the truth after that."]),
    dict(
        draw={"baby": ["duckling", "puppy", "kitten", "baby bird", "piglet"],
              "clue": ["feathers", "small footprints", "a trail of crumbs", "{colour} flowers"]},
        text=["{time}, {h} found a {baby} [beside the path|in the grass|under a leaf]. It was all alone. \"[Where is "
              "your mother|Are you lost]?\" asked {h}. The {baby} [only cried|shook its head]. \"[I will bring you "
              "home|Do not cry, little one],\" said {h}. \"We will ask my friend {f}. {f.He} is a clever {f.kind}.\"",
              "{f} [looked at the {baby}|scratched {f.his} head]. \"Look there,\" {f.he} said. \"I see {clue}!\" So "
              "{h} and {f} followed {clue}. [The way went past the {home}.|They crossed a little stream.] {h} "
              "carried the {baby} [on {h.his} back|in {h.his} arms], and it fell asleep.",
              "[At last|Finally], they heard a voice. \"My baby! My baby!\" It was the mother of the {baby}. [She "
              "was so happy that she cried.|She kissed the {baby} again and again.] \"How can I thank you, {h} and "
              "{f}?\" she asked. \"[You do not have to|We were glad to help],\" said {h}."],
        moral=["Nobody is too small to help.", "And the {baby} came to visit them every week."]),
    dict(
        draw={"goal": ["an old chest", "a {colour} door", "a cave full of crystals", "a secret garden"],
              "inside": ["a letter", "a flute made of silver", "a bag of seeds", "an old picture"]},
        text=["{time}, {h} found an old map [in a bottle|inside a book|under a stone]. A {colour} cross was on it. "
              "\"[It is a treasure map|There must be a treasure]!\" {h.he} [cried|said]. {h} ran to {f} the "
              "{f.kind}. \"Will you come with me, {f}?\" \"[Yes, of course|Let us go at once]!\" said {f}.",
              "The map led them [across a river|through a dark wood|over a high hill]. [It was a long way, and their "
              "feet hurt.|Twice they took the wrong path.] {h} wanted to give up, but {f} said, \"Only a little "
              "further, {h}.\" And there, behind [a waterfall|some bushes], they found {goal}.",
              "[Inside was no gold.|There was no gold at all.] There was only {inside}. [At first {h} was sad.|{f} "
              "looked surprised.] Then {h} read the words on the map: \"The treasure is the one who came with you.\" "
              "{h} looked at {f}, and {f} looked at {h}. They [laughed|smiled] and took {the_inside} home to the "
              "{home}."],
        moral=["A friend is the greatest treasure.", "The map is still on the wall in the house of {h}."]),
    dict(
        draw={"need": ["firewood", "food for the winter", "blanket", "warm coat"]},
        text=["{time}, the first snow fell on the {home}. {h} had worked all autumn and was ready. But {f} the "
              "{f.kind} had [only played|slept all day]. \"I have no {need},\" said {f}. \"[I am so cold|What shall "
              "I do]?\"",
              "\"[You should have thought of it before|I told you so],\" said {t} the {t.kind} and closed the door. "
              "{f} walked away through the snow. Then {h} saw {f.him} from the window. \"Come in, {f}!\" called {h}. "
              "\"[There is room for two|My house is warm].\"",
              "All winter, {f} stayed with {h}. [{f} told funny stories by the fire.|{f} played music for {h.him} "
              "every evening.] In the spring, {f} said, \"Now I will help you work, {h}.\" [And {f.he} did.|They "
              "worked side by side.] Even {t} came to say that {t.he} was sorry."],
        moral=["A warm heart is the best fire.", "When the next snow fell, {f} had enough {need}."]),
    dict(
        draw={"river": ["river", "stream", "canyon"], "made": ["a bridge", "a raft", "a boat"],
              "wood": ["old branches", "a fallen tree", "planks and rope"]},
        text=["{f} the {f.kind} lived on the other side of the {river}. {time}, a storm broke the old bridge. {h} "
              "stood on one side, and {f} stood on the other side. \"[How can we meet now|I miss you], {f}!\" called "
              "{h}. \"[I do not know|I miss you too], {h}!\" called {f}.",
              "{h} sat down and thought. Then {h.he} had an idea. \"I will build {made},\" {h.he} said. {h} looked "
              "for {wood}. {t} the {t.kind} came by and laughed. \"You are much too small to build {made},\" said "
              "{t}. But {h} did not stop. [{h.He} worked the whole day.|{h.He} worked until {h.his} back hurt.]",
              "[The next morning, {t} came back|In the end {t} felt sorry] and helped {h.him}. On the other side, "
              "{f} worked too. And [after three days|at last] it was done! {h} ran to {f}, and they [hugged|danced]. "
              "\"You were right, {h},\" said {t}. \"[Small ones can build big things|I should not have laughed].\""],
        moral=["No river is too wide for two friends.", "Everybody could cross the {river} now."]),
]

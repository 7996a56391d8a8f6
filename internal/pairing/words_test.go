package pairing

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	list := words()
	if len(list) < 1296 {
		t.Errorf("%d words, want at least 1296", len(list))
	}
	form := regexp.MustCompile(`^[a-z]{3,9}$`)
	for _, w := range list {
		if !form.MatchString(w) {
			t.Errorf("%q has not the form of a word", w)
		}
	}
	if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Error("not sorted, or a word twice")
	}
	if wordList != strings.Join(list, "\n")+"\n" {
		t.Error("not one word a line")
	}
	for i := 1; i < len(list); i++ {
		if strings.HasPrefix(list[i], list[i-1]) {
			t.Errorf("%q begins with %q", list[i], list[i-1])
		}
	}
}

// No two words are one letter apart, so that a slip of the tongue or finger
// makes no other code.
func TestWordsAreApart(t *testing.T) {
	whole, changed := map[string]bool{}, map[string]string{}
	for _, w := range words() {
		whole[w] = true
	}
	for _, w := range words() {
		for i := range w {
			if left := w[:i] + w[i+1:]; whole[left] {
				t.Errorf("%q is %q and a letter", w, left)
			}
			pattern := w[:i] + "." + w[i+1:]
			if other, ok := changed[pattern]; ok {
				t.Errorf("%q and %q differ in one letter", other, w)
			}
			changed[pattern] = w
		}
	}
}

// homophones are words that sound like another one, or that are written in two
// ways; none may be in the list.
const homophones = `
aisle allowed altar ant ascent ate aunt bail bale ball bald band bare baron barren base bass bazaar beach bean bear beat
beech beer beet bell berry berth birth bite bizarre blew blue boar board bold bolder bolt border bough boulder bow boy
brake bread break bridal bridle brooch bruise build buoy burro burrow bury bus butt buy capital capitol carat cash cast
caret carrot cede ceiling cell cellar censor cent cents cereal chord chute cite claws clause coarse colonel color colour
complement compliment coral cord core council counsel course creak creek crews cruise cue current currant cygnet cymbal
dam days dear deer desert dessert dew die doe dough draft draught dual due duel dye earn ewe eye faint fair fairy fare
farther fate feat ferry fete fiber fibre find fir flair flare flea flee flew floe flour flow flower flu flue foul fowl
freeze frieze fur gait gamble gate gilt gorilla grate gray great grease greece grey guerrilla guessed guest guild guilt
guise hail hair hall hare harbor harbour haul heal hear heard heart heel heir herd heroin heroine hoard hoarse hole holy
horde horse hour humor humour hymn idle idol inn jewel kernel key knead knew knight knit knot know lead leak leek lessen
lesson liar lichen links liken load loan lone lynx lyre made maid mail main maize male mane manner manor mantel mantle
mare marshal martial mask maze meat medal meddle meet mesh metal meter metre mettle might mind mined miner minor mist
moan moat mode moose morning mourning mousse muscle mussel mustard naval navel need night none nose nun oar oral ore
our pail pain pair palate palette pale pane pause paws pea peace peak peal pear pearl pedal peel peer petal phrase piece
pier pigeon pidgin plain plane pleas plum plumb pole poor pore pour pray prey presence presents prince prints principal
principle profit prophet quartz quay queue rack rain raise rap rapped read red reed reel reign rein rest review revue
rhyme rice right ring rite road roe role roll root rose rough route row rude ruff rung rye sack sail sale sauce scene
scent sea seam sealing see seem sell sense serf serial sew sheer shoe shoot side sight sign sink site slay sleigh sloe
slow soar sole son soul source sow spade stair stake stalk stare stationary stationery steak steal steel step steppe
stile stork story storey straight strait style suede suite sun sundae sunday surf surge swallow sweet sword tail tale
tapir taper taught tea team tear tee tents tern theater theatre thrown throne thyme tide tie timber timbre time tire toad
toe tow tun tuna tuner turn tyre vain vale vane veil vein vial vice vile vise wade wail waist wait waive wale ware warn
waste watt wave way weak wear weather week weigh weight weld whale whether which whine whole wine witch wood would wrap
wring write yoke yolk
`

func TestNoHomophones(t *testing.T) {
	list := words()
	for _, w := range strings.Fields(homophones) {
		if _, ok := slices.BinarySearch(list, w); ok {
			t.Errorf("%q sounds like another word or is written in two ways", w)
		}
	}
}

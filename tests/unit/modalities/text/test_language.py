"""Whether texts are English: by their letters and commonest words, whatever kind of text it is."""

import pytest

from stillhouse.components.modalities.text.language import look_at_language

ENGLISH = {
    "prose": [
        "It was the best of times, it was the worst of times, and there was nothing that they could do about it."
    ],
    "tweets": [
        "omg this is not what i wanted 😂 #fail",
        "RT @bob: have you seen the new one? https://t.co/xyz",
        "they just don't get it, do they",
    ],
    "mail": [
        "From: ann@example.org\nSubject: Re: invoice 4711\nX-Mailer: mutt 1.2\n\nCould you send it to me again? "
        "The file that came with your mail cannot be opened here.\n<br><a href='http://example.org'>more</a>"
    ],
    "code": [
        "def read(path):\n    if not path.exists():\n        return None  # the caller has checked it\n"
        "    with path.open() as file:\n        return [line.strip() for line in file if line and not line.isspace()]",
        "for (const item of this.items) { if (item.id !== id && !this.seen.has(item)) { return false; } }",
    ],
    "some German in it": ["The word 'Zeitgeist' is German, and it means the spirit that an age has."] * 9
    + ["Das ist nicht der Geist, den ich meine."],
}
OTHERS = {
    "German": "Ich bin hier und so war das nicht, die Rechnung ist an den falschen Kunden und will geändert werden.",
    "Dutch": "Het was in een van de straten dat we hem op een dag zagen, maar hij is niet meer hier en we weten het.",
    "French": "Je ne sais pas si les clients qui ont écrit sont contents, mais nous avons répondu dans la journée.",
    "Spanish": "No me ha llegado el pedido que hice la semana pasada y nadie responde a los mensajes que he enviado.",
    "Danish": "Vi vil have at I ser på det i dag, for vi har en kunde der er på vej, og han er ikke glad for det.",
    "Finnish": "Se on hyvä, mutta en ole nähnyt sitä vielä ja he eivät ole vastanneet minulle, joten on aika kysyä.",
    "Indonesian": "Saya tidak tahu apa yang terjadi dengan pesanan itu dan ini sudah hari yang ketiga sejak itu.",
    "Swahili": "Kwa sababu ya mvua watu wengi wa mji huo na vijiji vya karibu hawakuweza kufika kazini wala shuleni.",
    "Russian": "Я не знаю, что случилось с заказом, который мы сделали на прошлой неделе, и никто нам не отвечает.",
    "Chinese": "我不知道上周的订单发生了什么事 没有人回答我们 我们 还 在 等 待 一 个 回 复 所 以 请 告 诉 我 们",
    "half English": "The order that they sent has not come. Die Bestellung, die sie mir und auch dir schicken wollten, "
    "ist nicht gekommen und wird auch nicht kommen.",
    "numbers": "12.5 7 19 23:59 " * 40,
}


@pytest.mark.parametrize("kind", ENGLISH)
def test_english_texts_of_every_kind_are_told(kind: str) -> None:
    assert look_at_language(ENGLISH[kind]).is_english


@pytest.mark.parametrize("language", OTHERS)
def test_others_are_not_taken_for_english(language: str) -> None:
    assert not look_at_language([OTHERS[language]]).is_english


def test_the_finding_is_told_in_figures() -> None:
    assert look_at_language(ENGLISH["prose"]).said() == (
        "the texts are English (50.0% of their words are common English ones, 0.0% of other languages)"
    )
    assert look_at_language([OTHERS["Russian"]]).said() == "100% of the texts' letters are not Latin"
    assert look_at_language(["hello there"]).said() == "the texts have 2 words, too few to tell their language"

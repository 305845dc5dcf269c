"""The list: columns that fit, a cursor that stays on its row, keys and mouse."""

from textual.app import App, ComposeResult

from console.tui.listing import Column, Listing, Row

COLUMNS = (Column("Date", 6), Column("Text"), Column("Sum", 4, right=True, from_width=40))


def rows(count: int) -> list[Row]:
    return [Row(f"k{n}", ((f"d{n}", "dim"), (f"text {n}", ""), (str(n), ""))) for n in range(count)]


class Bench(App[None]):
    CSS_PATH = "../../../console/tui/console.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        from console.tui.themes import DARK

        return DARK.variables

    def compose(self) -> ComposeResult:
        yield Listing(COLUMNS)

    def on_listing_moved(self, event: Listing.Moved) -> None:
        self.said.append(("moved", event.key))

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        self.said.append(("chosen", event.key))


def line(listing: Listing, y: int) -> str:
    return "".join(segment.text for segment in listing.render_line(y))


async def test_columns_share_the_width_and_long_text_is_cut() -> None:
    app = Bench()
    async with app.run_test(size=(30, 8)) as pilot:
        listing = app.query_one(Listing)
        listing.show([Row("a", (("6 Feb", ""), ("x" * 40, ""), ("7", "")))])
        await pilot.pause()
        assert line(listing, 0) == " Date   Text                   "[:30]
        assert line(listing, 1) == "▌6 Feb  " + "x" * 20 + "… "
        await pilot.resize_terminal(50, 8)
        listing.show([Row("a", (("6 Feb", ""), ("kata", ""), ("7", "")))])
        await pilot.pause()
        assert line(listing, 1).rstrip().endswith("   7") and len(line(listing, 1)) == 50


async def test_keys_move_and_choose_and_the_cursor_stays_in_sight() -> None:
    app = Bench()
    async with app.run_test(size=(60, 8)) as pilot:
        listing = app.query_one(Listing)
        listing.show(rows(50))
        listing.focus()
        await pilot.pause()
        app.said.clear()
        await pilot.press("down", "down", "enter")
        assert app.said == [("moved", "k1"), ("moved", "k2"), ("chosen", "k2")]
        await pilot.press("end")
        await pilot.pause()
        assert listing.selected == "k49" and listing.scroll_offset.y == 43
        await pilot.press("home", "pagedown")
        assert listing.selected == "k6"


async def test_the_cursor_stays_on_its_row_when_others_come_and_go() -> None:
    app = Bench()
    async with app.run_test(size=(60, 8)) as pilot:
        listing = app.query_one(Listing)
        listing.show(rows(5))
        listing.cursor = 3
        listing.show(rows(5)[2:])
        assert listing.selected == "k3"
        listing.show(rows(2))
        assert listing.selected == "k1"
        listing.show([])
        assert listing.selected == ""
        await pilot.press("enter", "down")
        assert ("chosen", "") not in app.said


async def test_a_click_selects_and_another_opens() -> None:
    app = Bench()
    async with app.run_test(size=(60, 8)) as pilot:
        listing = app.query_one(Listing)
        listing.show(rows(5))
        await pilot.pause()
        await pilot.click(Listing, offset=(10, 3))
        assert listing.selected == "k2"
        await pilot.click(Listing, offset=(10, 3))
        assert app.said[-1] == ("chosen", "k2")
        await pilot.click(Listing, offset=(10, 0))
        assert listing.selected == "k2", "the header is no row"


async def test_only_what_is_in_sight_is_drawn() -> None:
    app = Bench()
    async with app.run_test(size=(60, 8)) as pilot:
        listing = app.query_one(Listing)
        listing.show(rows(10_000))
        await pilot.pause()
        assert listing.virtual_size.height == 10_001
        assert line(listing, 7).startswith(" d6")

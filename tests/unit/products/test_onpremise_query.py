"""The other query options, over the whole catalogue."""

from urllib.parse import quote

import pytest
from products_onpremise.entities import PRODUCT, product_row
from products_onpremise.errors import ODataError
from products_onpremise.products import catalogue
from products_onpremise.query import Selection, apply, parse_options, parse_query

ROWS = [product_row(product, None) for product in catalogue()]


def select(text: str) -> Selection:
    return apply(parse_query(parse_options(text), PRODUCT), ROWS)


def numbers(selection: Selection) -> list[object]:
    return [row["ProductID"] for row in selection.rows]


def test_the_catalogue_has_a_hundred_products_that_never_change() -> None:
    products = catalogue()

    assert [product.product_id for product in products] == [f"HT-{1000 + number}" for number in range(100)]
    assert products == catalogue()
    assert len({product.name for product in products}) == 100
    assert {product.currency_code for product in products} == {"EUR", "USD"}


def test_a_page_is_cut_out_of_all() -> None:
    page = select("$skip=20&$top=5&$inlinecount=allpages")

    assert numbers(page) == ["HT-1020", "HT-1021", "HT-1022", "HT-1023", "HT-1024"]
    assert page.count == 100


def test_the_count_is_that_of_the_filter_without_the_page() -> None:
    page = select("$top=3&$filter=" + quote("Category eq 'Mice'"))

    assert (len(page.rows), page.count) == (3, 10)


def test_rows_are_sorted_by_the_first_criterion_first() -> None:
    rows = select("$orderby=" + quote("Category desc,Price asc")).rows

    keys = [(row["Category"], row["Price"]) for row in rows]
    assert keys == sorted(sorted(keys, key=lambda key: key[1]), key=lambda key: key[0], reverse=True)
    assert rows[0]["Category"] == "Tablets"


def test_options_of_gateway_clients_are_tolerated() -> None:
    assert select("sap-client=001&sap-language=EN&$format=json").count == 100


@pytest.mark.parametrize(
    "text",
    [
        "$top=-1",
        "$top=many",
        "$top=99999999999999999999",
        "$skip=1.5",
        "$orderby=Price%20sideways",
        "$orderby=Password",
        "$orderby=Price%20asc%20now",
        "$select=Password",
        "$expand=ToSupplier",
        "$inlinecount=some",
        "$apply=everything",
        "$top=1&$top=2",
        "$format=atom",
        "nonsense",
        "$filter=%ff",
    ],
)
def test_an_option_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ODataError) as refusal:
        select(text)
    assert refusal.value.status in {400, 415}

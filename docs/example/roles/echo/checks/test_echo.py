def test_page_greets(http, service):
    """Its page is the one that its settings describe."""
    (url,) = service.urls
    assert f"from {service.profile}" in http(url).body

"""Uses the page of a service as people do, in a browser: page.py URL [SCREENSHOT]

The service speaks with the model demo. CHATTTS_RS_BROWSER is the browser's program, chromium if absent."""

import os
import re
import shutil
import sys
import time
import urllib.request
import json

from playwright.sync_api import expect, sync_playwright

TEXT = "Hello there. 你好，今天是2024年。"


def speech(address, **fields):
    body = json.dumps({"input": TEXT, "voice": "alloy", "seed": 5, **fields}).encode()
    request = urllib.request.Request(address + "/v1/audio/speech", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def gauge(address, name):
    with urllib.request.urlopen(address + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{")))


def downloaded(page, format):
    page.select_option("#format", format)
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "speech." + format
    with open(download.value.path(), "rb") as file:
        return file.read()


def use(page, address, screenshot):
    page.goto(address)
    # How the text is read that stands there.
    expect(page.locator("#read mark").first).to_be_visible()
    assert "dollars" in page.inner_text("#read")
    assert page.locator("#voices option[value=alloy]").count() == 1

    page.fill("#text", TEXT)
    expect(page.locator("#read")).to_contain_text("二零二四年")
    page.fill("#voice", "alloy")
    page.fill("#seed", "5")
    page.click("#speak")
    expect(page.locator("#status")).to_have_text(re.compile(r"s of audio, first sound after \d+ ms, seed 5$"))
    heard = page.evaluate("last.parts.flatMap(part => [...part].map(sample => Math.round(sample * 32768)))")
    expected = speech(address, response_format="pcm")
    assert b"".join(sample.to_bytes(2, "little", signed=True) for sample in heard) == expected
    drawn = "(() => { const c = $('wave'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(x => x); })()"
    assert page.evaluate(drawn), "the wave is not drawn"
    if screenshot:
        page.screenshot(path=screenshot, full_page=True)

    # It has been played to its end by then.
    expect(page.locator("#stop")).to_be_disabled(timeout=30_000)
    assert downloaded(page, "wav")[44:] == expected
    assert downloaded(page, "mp3") == speech(address, response_format="mp3")

    page.fill("#text", "This is a long text, which nobody wants to hear to its end. " * 60)
    page.click("#speak")
    expect(page.locator("#status")).to_contain_text("first sound after")
    page.click("#stop")
    expect(page.locator("#speak")).to_be_enabled()
    for _ in range(100):
        if gauge(address, "chattts_slots_held") == 0:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("what nobody hears is still spoken")

    page.fill("#voice", "no such voice")
    page.click("#speak")
    expect(page.locator("#error")).to_be_visible()
    assert "no such voice" in page.inner_text("#error")


def main():
    address, screenshot = sys.argv[1].rstrip("/"), (sys.argv[2:] or [None])[0]
    browser = shutil.which(os.environ.get("CHATTTS_RS_BROWSER", "chromium"))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        page = browser.new_page()
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        wrong, foreign = [], []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: request.url.startswith((address, "data:", "blob:")) or foreign.append(request.url))
        use(page, address, screenshot)
        assert not wrong and not foreign, (wrong, foreign)
        browser.close()
    print("the page speaks, stops, saves and says what is wrong")


main()

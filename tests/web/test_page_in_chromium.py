"""The page in a headless Chromium: upload, choose, result, error, phone width, and no request to anywhere else.

`make test-page` installs Chromium and runs this. With AURORA_SCREENSHOTS=FOLDER it leaves pictures of the page there.
"""

import json
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fixtures.odd_inputs import clip, encode, pixels
from tests.fixtures.waiting import LONG

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = dict(width=390, height=844, deviceScaleFactor=1, mobile=True)


@pytest.fixture(scope='module')
def browser():
    webdriver = pytest.importorskip('selenium.webdriver', reason='the test of the page needs selenium')
    programs = [shutil.which(name) for name in ('chromium', 'chromedriver')]
    if None in programs:
        pytest.skip('there is no chromium with a chromedriver; `make test-page` installs them')
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for argument in ('headless=new', 'no-sandbox', 'disable-dev-shm-usage', 'disable-background-networking'):
        options.add_argument(f'--{argument}')
    options.set_capability('goog:loggingPrefs', dict(performance='ALL', browser='ALL'))
    driver = webdriver.Chrome(options=options, service=Service(programs[1]))
    yield driver
    driver.quit()


class Page:
    """What a person does on the page."""

    def __init__(self, browser, url):
        self.browser = browser
        browser.get(url)
        self.wait('#predict')

    def find(self, selector):
        return [one for one in self.browser.find_elements('css selector', selector) if one.is_displayed()]

    def wait(self, selector, text=''):
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        def found(_):
            return next((one for one in self.find(selector) if text in one.text), None)

        wait = WebDriverWait(self.browser, LONG, ignored_exceptions=[StaleElementReferenceException])
        return wait.until(found, f'{selector} with {text!r}')

    def upload(self, path):
        self.browser.find_element('css selector', '#file input[type=file]').send_keys(str(path))

    def choose(self, *tasks):
        for box in self.browser.find_elements('css selector', '#tasks input'):
            if box.is_selected() != (box.get_attribute('name') in tasks):
                box.click()

    def predict(self):
        self.browser.find_element('id', 'predict').click()

    def picture(self, name):
        if folder := os.environ.get('AURORA_SCREENSHOTS'):
            self.browser.save_screenshot(str(Path(folder) / f'{name}.png'))

    def loaded_pictures(self):
        script = 'return [...document.querySelectorAll("#result img")].map(one => one.complete && one.naturalWidth)'
        return self.browser.execute_script(script)


@pytest.fixture
def shown(browser, page):
    browser.get_log('performance')
    browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
    browser.set_window_size(1280, 1400)
    return Page(browser, page.local_url)


@pytest.fixture
def scan(tmp_path):
    (tmp_path / 'scan.png').write_bytes(encode('.png', pixels((240, 320))))
    return tmp_path / 'scan.png'


def test_upload_choose_result(shown, scan):
    assert shown.find('#notice')[0].text == 'Random <weights>.'
    shown.upload(scan)
    assert shown.wait('#about', 'scan.png').text == 'scan.png 320 x 240 pixels'
    shown.choose('organs', 'kind', 'ends')
    shown.find('#spacing input, #spacing textarea')[0].send_keys('0.2')
    shown.predict()
    result = shown.wait('#result', 'kind')
    assert [title.text.split()[0] for title in shown.find('#result h3')] == ['organs', 'kind', 'ends']
    assert '0.2 x 0.2 mm per pixel' in result.text
    shares = [float(one.text.rstrip(' %')) for one in shown.find('#result .value')]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert shares == sorted(shares, reverse=True)
    shown.wait('#json')
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(shown.browser, LONG).until(lambda _: all(width >= 320 for width in shown.loaded_pictures()))
    assert len(shown.loaded_pictures()) == 3
    shown.picture('result')


def test_an_error_is_a_sentence_and_the_next_file_is_answered(shown, scan, tmp_path):
    (tmp_path / 'notes.txt').write_text('no image')
    shown.upload(tmp_path / 'notes.txt')
    assert shown.wait('#result [role=alert]').text == 'notes.txt cannot be read.'
    shown.picture('error')
    shown.find('#file button[aria-label*=lear], #file button[aria-label*=emove]')[0].click()
    shown.wait('#result [role=status]')
    shown.upload(scan)
    shown.wait('#about', 'scan.png')
    shown.choose('find')
    shown.predict()
    shown.wait('#result h3', 'find')


def test_a_clip_has_a_slider(shown, tmp_path):
    clip(tmp_path / 'clip.avi')
    shown.upload(tmp_path / 'clip.avi')
    shown.wait('#about', '5 pictures')
    number = shown.wait('#frame input[type=number]')
    number.clear()
    number.send_keys('3')
    shown.choose('kind')
    shown.predict()
    shown.wait('#result', 'clip.avi#frame=3')


def test_an_example(shown):
    shown.wait('#examples button')
    shown.find('#examples .grid-container button')[0].click()
    shown.wait('#about', '.png')
    chosen = [box for box in shown.browser.find_elements('css selector', '#tasks input') if box.is_selected()]
    assert len(chosen) == 1
    shown.predict()
    shown.wait('#result h3', chosen[0].get_attribute('name'))


def test_too_large_a_file_is_told(shown, tmp_path):
    (tmp_path / 'large.png').write_bytes(bytes(1_100_000))
    shown.upload(tmp_path / 'large.png')
    shown.wait('body', 'maximum')


def test_on_a_phone(shown, scan):
    shown.browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', PHONE)
    shown.browser.refresh()
    shown.wait('#predict')
    shown.upload(scan)
    shown.wait('#about', 'scan.png')
    shown.choose('organs', 'kind', 'find', 'ends')
    shown.predict()
    shown.wait('#result h3', 'ends')
    shown.picture('phone')
    assert shown.browser.execute_script('return document.documentElement.scrollWidth') <= PHONE['width']
    wide = [one for one in shown.find('#result *') if one.rect['x'] + one.rect['width'] > PHONE['width']]
    assert wide == []


def test_no_request_leaves_this_machine(shown, scan, page):
    shown.upload(scan)
    shown.wait('#about', 'scan.png')
    shown.choose('kind')
    shown.predict()
    shown.wait('#result h3', 'kind')
    asked, refused = set(), []
    for entry in shown.browser.get_log('performance'):
        message = json.loads(entry['message'])['message']
        if message['method'] == 'Network.requestWillBeSent':
            asked.add(message['params']['request']['url'])
        if message['method'] == 'Network.responseReceived' and message['params']['response']['status'] >= 400:
            refused.append(message['params']['response']['url'])
    addresses = {urlsplit(url).netloc for url in asked if not url.startswith(('data:', 'blob:'))}
    assert addresses == {urlsplit(page.local_url).netloc}
    assert len(asked) > 20
    assert refused == []
    policy = [one['message'] for one in shown.browser.get_log('browser') if 'Content Security Policy' in one['message']]
    assert policy == []

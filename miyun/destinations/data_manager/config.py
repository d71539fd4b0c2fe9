"""What ``[destinations.<channel>]`` says of Google Data Manager."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from miyun.destinations.data_manager.requests import (
    AccountType,
    Consent,
    ConsentStatus,
    GoogleDestination,
    Number,
    ProductAccount,
)
from miyun.destinations.hashed import Action, HashedConfig
from miyun.destinations.http import Url
from miyun.destinations.plugin import Part, Retry


class Account(Part):
    type: AccountType
    id: Number

    def message(self) -> ProductAccount:
        return ProductAccount(account_type=self.type, account_id=self.id)


class Consents(Part):
    """What the people of every delivery consented to, in Google's words. Without the first it takes nobody."""

    ad_user_data: Literal["granted"]
    ad_personalization: Literal["granted", "denied"]

    def message(self) -> Consent:
        return Consent(
            ad_user_data=ConsentStatus.GRANTED,
            ad_personalization=ConsentStatus[self.ad_personalization.upper()],
        )


class DataManagerConfig(HashedConfig):
    """``credential`` names a secret: the one line of JSON of a service account's key, or of an authorised user.

    ``audience`` is the id of the list at ``operating_account``; ``login_account`` and ``linked_account`` are as Google
    has them. ``retry`` is patient, as Google may take a day over a request: the first status is asked for after a few
    seconds, then every half hour.
    """

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("credential",)
    SPELLINGS: ClassVar[Mapping[str, tuple[tuple[str, ...], ...]]] = {
        "email": (("data-manager",),),
        "phone": (("e164",), ("e164-cn",)),
    }
    SEVERAL: ClassVar[bool] = True

    credential: str
    operating_account: Account
    login_account: Account | None = None
    linked_account: Account | None = None
    audience: Number
    consent: Consents | None = None
    customer_match_terms_accepted: bool = False
    quota_project: str = Field(default="", pattern="^[a-z0-9:.-]*$")
    url: Url = "https://datamanager.googleapis.com"
    token_url: Url = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    retry: Retry = Retry(first_seconds=5, longest_seconds=1800, attempts=60)

    @model_validator(mode="after")
    def _says_what_google_asks(self) -> Self:
        if self.action is Action.ADD and self.consent is None:
            raise ValueError(
                "consent is missing; say what the people consented to: "
                '{ ad_user_data = "granted", ad_personalization = "granted" }'
            )
        if self.action is Action.ADD and not self.customer_match_terms_accepted:
            raise ValueError("customer_match_terms_accepted has to be true: read Google's terms, and accept them there")
        return self

    def destination(self) -> GoogleDestination:
        return GoogleDestination(
            operating_account=self.operating_account.message(),
            login_account=self.login_account.message() if self.login_account else None,
            linked_account=self.linked_account.message() if self.linked_account else None,
            product_destination_id=self.audience,
        )

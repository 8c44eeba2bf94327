"""Imbee: chat users, chats, and web access tokens sent by mail or SMS."""

import type * as vscode from 'vscode';

export const PYTHON: vscode.DocumentSelector = { language: 'python', scheme: 'file' };

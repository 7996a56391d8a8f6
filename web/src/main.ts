import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { applyTheme } from './state/theme.svelte'

applyTheme()

const target = document.getElementById('app')
if (!target) throw new Error('index.html has no #app')
mount(App, { target })
